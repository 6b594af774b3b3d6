"""How a server goes: what is under way is finished, within a limit; a second signal does not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from antiphon_orchestrator.api.hosting import WebServer
from antiphon_orchestrator.app import Server
from antiphon_orchestrator.conversations import clock_ms

_LOOK_S = 0.05
_GOODBYE_MS = 3_000


class Leaving:
    """One server's. `run` is its own task; `asked` is what a signal calls."""

    def __init__(self, server: Server, web: WebServer) -> None:
        self._server = server
        self._web = web
        self._asked = asyncio.Event()
        self._hurries = False

    def asked(self) -> None:
        """Once: drain. Again: end now."""
        self._hurries = self._asked.is_set()
        self._server.drain()
        self._asked.set()

    async def run(self) -> None:
        """Until the web server is told to end. Conversations are over before, and kept as they ended."""
        await self._asked.wait()
        await self._until(lambda: self._hurries or not self._busy, self._server.drain_until_ms)
        self._server.conversations.end()
        await self._until(lambda: not len(self._server.conversations), clock_ms() + _GOODBYE_MS)
        self._web.should_exit = True

    async def _until(self, condition: Callable[[], bool], limit_ms: int) -> None:
        while not condition() and clock_ms() < limit_ms:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)

    @property
    def _busy(self) -> bool:
        """Requests that are under way are counted by uvicorn, and WebSockets with them; calls are not."""
        return bool(len(self._server.conversations) or self._web.server_state.tasks)
