"""Where a session's events and audio go: to one client, whatever carries them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from antiphon_orchestrator.session.narrator import ResponseSheet

Emit = Callable[..., None]
"""`emit("response.created", response={...})`: an event of the Realtime protocol, less its event_id."""


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
