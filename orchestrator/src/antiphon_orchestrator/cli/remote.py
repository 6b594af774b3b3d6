"""Talks to a running server over HTTP; failures are one line that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx


@contextmanager
def reaching(server: str, key: str) -> Iterator[httpx.Client]:
    """A client of the server at this address."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(base_url=server, headers=headers, timeout=httpx.Timeout(60.0, connect=3.0)) as client:
            yield client
    except httpx.ConnectError as error:
        raise ConnectionError(f"no server answers at {server}; start one with `antiphon up`") from error
    except httpx.HTTPError as error:
        raise ConnectionError(f"{server}: {error}") from error


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
