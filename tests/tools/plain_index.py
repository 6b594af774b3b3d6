"""A package index with one package, of either kind that the standard knows: pages of links, or JSON."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

WHEEL_NAME = "left_pad-1.0-py3-none-any.whl"
KINDS = {"html": "text/html", "json": "application/vnd.pypi.simple.v1+json"}


def _wheel() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        wheel.writestr("left_pad.py", "")
        wheel.writestr("left_pad-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: left-pad\nVersion: 1.0\n")
        wheel.writestr("left_pad-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("left_pad-1.0.dist-info/RECORD", "")
    return content.getvalue()


WHEEL = _wheel()
SHA256 = hashlib.sha256(WHEEL).hexdigest()


class _Index(http.server.BaseHTTPRequestHandler):
    kind = "html"

    def do_GET(self) -> None:
        if self.path == "/simple/left-pad/":
            self._answer(KINDS[self.kind], self._page().encode())
        elif self.path == f"/files/{WHEEL_NAME}":
            self._answer("application/octet-stream", WHEEL)
        else:
            self.send_error(404)

    def _page(self) -> str:
        if self.kind == "html":
            return f'<!DOCTYPE html><a href="/files/{WHEEL_NAME}#sha256={SHA256}">{WHEEL_NAME}</a>'
        file = {"filename": WHEEL_NAME, "url": f"/files/{WHEEL_NAME}", "hashes": {"sha256": SHA256}}
        return json.dumps({"meta": {"api-version": "1.0"}, "name": "left-pad", "files": [file]})

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


@contextmanager
def serving(kind: str) -> Iterator[str]:
    """The index's address while it is there."""
    handler = type("Index", (_Index,), {"kind": kind})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/"
        finally:
            server.shutdown()
            thread.join()
