"""What waits to leave for one client: bounded, so that a client that never reads cannot fill the memory."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from typing import Any

from antiphon_orchestrator.api.codec import encode
from antiphon_orchestrator.session.ids import new_id
from antiphon_orchestrator.session.outlet import ResponseSheet

SLOW_CLIENT = 1013
OWN_PREFIX = "antiphon."
"""Events of ours that the protocol does not know: some standard clients take what they do not know for an error."""


class Outbox:
    """An `Outlet` that makes messages of the Realtime protocol. Overflow: the client is hung up on.

    `own_events`: the client wants events beyond the protocol, too.
    """

    def __init__(self, max_bytes: int, *, own_events: bool = False) -> None:
        self._waiting: deque[str] = deque()
        self._bytes = 0
        self._max_bytes = max_bytes
        self._own_events = own_events
        self._filled = asyncio.Event()
        self.closed = asyncio.Event()
        self.closing: tuple[int, str] | None = None

    def event(self, type_: str, /, **fields: Any) -> None:
        if type_.startswith(OWN_PREFIX) and not self._own_events:
            return
        self._put(json.dumps({"type": type_, "event_id": new_id("event"), **fields}))

    def audio(self, sheet: ResponseSheet, item_id: str, pcm: bytes) -> None:
        # Fifty times a second: written without the JSON encoder, whose work would be to look at base64.
        data = base64.b64encode(encode(sheet.media_type, pcm)).decode("ascii")
        self._put(
            f'{{"type":"response.output_audio.delta","event_id":"{new_id("event")}","response_id":"{sheet.id}",'
            f'"item_id":"{item_id}","output_index":0,"content_index":0,"delta":"{data}"}}'
        )

    def close(self, code: int, reason: str) -> None:
        self.closing = self.closing or (code, reason)
        self.closed.set()
        self._filled.set()

    async def next(self) -> str | None:
        """The next message to send; None when the connection is to be closed."""
        while not self._waiting:
            if self.closing is not None:
                return None
            self._filled.clear()
            await self._filled.wait()
        message = self._waiting.popleft()
        self._bytes -= len(message)
        return message

    def _put(self, message: str) -> None:
        """Takes a message in ASCII, so that its length is its size."""
        if self.closing is not None:
            return
        self._waiting.append(message)
        self._bytes += len(message)
        self._filled.set()
        if self._bytes > self._max_bytes:
            self._waiting.clear()
            self._bytes = 0
            self.close(SLOW_CLIENT, f"the client left more than {self._max_bytes} bytes unread")
