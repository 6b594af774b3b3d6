"""What the two sides of a session, the user's turns and our answers, need of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.session.conversation import Conversation
from antiphon_orchestrator.session.outlet import Emit
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.turn import events as fl


class Surroundings(Protocol):
    """A session, seen from inside."""

    id: str
    config: SessionConfig
    settings: SessionSettings
    conversation: Conversation
    emit: Emit

    def tell(self, event: fl.FloorEvent) -> None:
        """Tells the floor what happened and does what it says."""
        ...

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Starts work that ends with the session at the latest."""
        ...

    @property
    def now_ms(self) -> int:
        """What the session's clock says."""
        ...

    @property
    def language(self) -> str:
        """The language users speak, as far as it is known."""
        ...

    @property
    def transcribes(self) -> bool:
        """Whether the client wants to read what the user says."""
        ...

    @property
    def replying(self) -> bool:
        """Whether a reply is under way."""
        ...

    @property
    def saying(self) -> str:
        """The last few seconds of what we said: it may come back to us as an echo."""
        ...

    @property
    def asking(self) -> bool:
        """Whether the last sentence of a reply is being spoken, and asks something."""
        ...
