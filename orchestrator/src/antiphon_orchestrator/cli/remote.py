"""Talks to a running server over HTTP; failures are one line that says what to do."""

from __future__ import annotations

import argparse
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

SERVER = "http://127.0.0.1:8080"


def add_remote_flags(parser: argparse.ArgumentParser, server: str = SERVER) -> None:
    """Empty `server`: without the flag there is none."""
    told = f"default: {server}" if server else "a running server (else one is started for the purpose)"
    parser.add_argument("--server", default=server, metavar="URL", help=told)
    parser.add_argument("--key", default="", help="API key, if the server wants one")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="authority of its certificate, if not one of the web's")


@contextmanager
def reaching(server: str, key: str, ca: Path | None = None, limit_s: float = 60.0) -> Iterator[httpx.Client]:
    """A client of the server at this address. `limit_s`: how long it may take to answer."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    verify, timeout = trusting(server, ca) or True, httpx.Timeout(limit_s, connect=3.0)
    try:
        with httpx.Client(base_url=server, headers=headers, timeout=timeout, verify=verify) as client:
            yield client
    except httpx.ConnectError as error:
        raise ConnectionError(unreachable(server, error)) from error
    except httpx.TimeoutException as error:
        raise ConnectionError(f"{server} has not answered in time") from error
    except httpx.HTTPError as error:
        raise ConnectionError(f"{server}: {error}") from error


def trusting(server: str, ca: Path | None) -> ssl.SSLContext | None:
    """Whom to trust there. None: it speaks no TLS."""
    if not server.startswith("https:"):
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ConnectionError(f"cannot use {ca} as an authority: {error}") from None


def unreachable(server: str, error: Exception) -> str:
    """Why, and what to do."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"the certificate of {server} is not trusted ({error}); --ca names its authority"
    return f"no server answers at {server}: {error}; start one with `antiphon up`"


def check(answer: httpx.Response) -> None:
    """Raises what the server says was wrong."""
    if answer.is_success:
        return
    answer.read()
    try:
        message = answer.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = f"HTTP status {answer.status_code}"
    raise ConnectionError(message)
