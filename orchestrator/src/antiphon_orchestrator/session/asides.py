"""Answers beside the conversation: in text, several at once, each ended by its own name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from antiphon_orchestrator.session.narrator import Ending
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.session.reply import Reply

MAX_ASIDES = 16


class Asides:
    """One session's. Overflow: a further one is refused."""

    def __init__(
        self,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        on_end: Callable[[Reply, Ending], None],
    ) -> None:
        self._spawn = spawn
        self._on_end = on_end
        self._running: dict[str, tuple[Reply, asyncio.Task[None]]] = {}

    def check_room(self) -> None:
        if len(self._running) >= MAX_ASIDES:
            raise Refusal(
                f"{MAX_ASIDES} responses beside the conversation are in progress, which is the most; wait for one.",
                code="too_many_responses",
            )

    def start(self, reply: Reply) -> None:
        """Tells it as it comes."""
        self._running[reply.narrator.sheet.id] = reply, self._spawn(self._run(reply))

    def cancel(self, response_id: str | None) -> bool:
        """False if there is no such aside."""
        if response_id is None or response_id not in self._running:
            return False
        reply, task = self._running.pop(response_id)
        task.cancel()
        self._on_end(reply, Ending("cancelled", "client_cancelled"))
        return True

    async def _run(self, reply: Reply) -> None:
        reply.release()
        ending = await reply.run()
        del self._running[reply.narrator.sheet.id]
        self._on_end(reply, ending)
