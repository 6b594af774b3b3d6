"""`https:` sources, and `http:` ones, for mirrors within a company: the checksum guards both."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from antiphon_core.store.disk import size_text
from antiphon_core.store.part import Part, SourceFailed, chunks_of
from antiphon_core.store.sources.base import Source

TIMEOUT_S = 20.0
TRIES = 5
PAUSE_S = 1.0
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416
_TRANSIENT = {429, 500, 502, 503, 504}


class _Cut(Exception):
    """The connection ended before the file did."""


class HttpSource(Source):
    """Downloads by the standard library, which takes proxies from the environment (HTTPS_PROXY, NO_PROXY).

    A server that never answers is asked once: the next source may be nearer. Once data flows, a cut is followed by up
    to TRIES more requests for the rest, with growing pauses, and the count begins again whenever more has come.
    """

    remedy = "connect this machine to the network, or set HTTPS_PROXY (and SSL_CERT_FILE for a proxy's own certificate)"

    def __init__(self, text: str, folder: Path) -> None:
        super().__init__(text, folder)
        self.url = self._url()
        if not urlsplit(self.url).hostname:
            raise ValueError("an https: source is a whole URL, https://host/path")

    def _url(self) -> str:
        return self.text

    def _secret_headers(self) -> Mapping[str, str]:
        """Headers for this host only: they do not follow a redirection."""
        return {}

    def _hint(self, status: int) -> str:
        """What a refusal may mean."""
        return ""

    def fetch(self, part: Part) -> None:
        tries_left = 0
        while True:
            before_bytes = part.have_bytes
            try:
                self._go_on(part)
                return
            except _Cut as cut:
                tries_left = TRIES if part.have_bytes > before_bytes else tries_left - 1
                if tries_left < 1:
                    raise SourceFailed(str(cut)) from cut
                part.say(f"{self}: {cut}; going on after {size_text(part.have_bytes)}")
                time.sleep(PAUSE_S * (TRIES - tries_left))

    def _go_on(self, part: Part) -> None:
        try:
            response = self._open(part.have_bytes)
        except HTTPError as error:
            with error:
                self._refused(error, part)
            return
        except (OSError, HTTPException) as error:
            raise _Cut(f"no connection to {urlsplit(self.url).hostname}: {_reason(error)}") from error
        with closing(response):
            if response.status != _PARTIAL_CONTENT:
                part.clear()
            part.append(_body(response))

    def _open(self, have_bytes: int) -> HTTPResponse:
        request = Request(self.url, headers={"User-Agent": "antiphon"})
        for name, value in self._secret_headers().items():
            request.add_unredirected_header(name, value)
        if have_bytes:
            request.add_header("Range", f"bytes={have_bytes}-")
        response: HTTPResponse = urlopen(request, timeout=TIMEOUT_S)
        return response

    def _refused(self, error: HTTPError, part: Part) -> None:
        if error.code == _RANGE_NOT_SATISFIABLE and part.have_bytes:
            if error.headers.get("Content-Range") == f"bytes */{part.have_bytes}":
                return  # there is nothing after what we have
            part.clear()
            self._go_on(part)
            return
        message = f"HTTP {error.code} {error.reason}{self._hint(error.code)}"
        raise (_Cut if error.code in _TRANSIENT else SourceFailed)(message) from error


def _body(response: HTTPResponse) -> Iterator[bytes]:
    expected_bytes = response.length
    received_bytes = 0
    try:
        for chunk in chunks_of(response):
            received_bytes += len(chunk)
            yield chunk
    except (OSError, HTTPException) as error:
        raise _Cut(f"the connection broke: {_reason(error)}") from error
    if expected_bytes is not None and received_bytes < expected_bytes:
        raise _Cut("the connection ended early")


def _reason(error: Exception) -> str:
    return str(error.reason if isinstance(error, URLError) else error) or type(error).__name__
