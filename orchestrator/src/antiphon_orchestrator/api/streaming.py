"""Answers that are made while they are sent."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping

from antiphon_core.errors import AntiphonError
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from antiphon_orchestrator.api.http_errors import fault_of_condition

Pieces = AsyncGenerator[bytes, None]


class Streamed(StreamingResponse):
    """Closes what it streams however it ends: the work behind it stops when its client hangs up."""

    def __init__(self, pieces: Pieces, media_type: str, on_end: Callable[[], object] = lambda: None) -> None:
        super().__init__(pieces, media_type=media_type)
        self._pieces = pieces
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._pieces.aclose()
            self._on_end()


def event(fields: Mapping[str, object]) -> bytes:
    """A server-sent event."""
    return f"data: {json.dumps(fields)}\n\n".encode()


def error_event(error: AntiphonError) -> bytes:
    """What became of a stream that breaks off: its status was sent long ago."""
    told = fault_of_condition(error).as_error()
    del told["event_id"]
    return event({"type": "error", "error": told})
