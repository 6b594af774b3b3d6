"""Where a session's events and audio go: to one client, whatever carries them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

Emit = Callable[..., None]
"""`emit("response.created", response={...})`: an event of the Realtime protocol, less its event_id."""


@dataclass(slots=True)
class ResponseSheet:
    """What is fixed about a response from its beginning."""

    id: str
    spoken: bool
    voice: str = ""
    media_type: str = "audio/pcm"
    conversation_id: str | None = None
    metadata: dict[str, str] | None = None
    max_output_tokens: int | str = "inf"


class Outlet(Protocol):
    """One client. Its methods take no time: what cannot leave at once waits in a bounded queue of the outlet's own,
    and a client that never reads is hung up on."""

    def event(self, type_: str, /, **fields: Any) -> None:
        """Sends an event of the Realtime protocol."""
        ...

    def audio(self, sheet: ResponseSheet, item_id: str, pcm: bytes) -> None:
        """Sends 20 ms of an answer's audio, 16-bit at the rate of the answer's format, at the moment it is due."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Ends the connection once what was sent before has left."""
        ...
