"""Runs the server in this process until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable

from antiphon_core.garbage import spare_what_is_loaded

from antiphon_orchestrator.api.hosting import WebServer, web_config
from antiphon_orchestrator.app import Server
from antiphon_orchestrator.cli.listening import address_of
from antiphon_orchestrator.leaving import Leaving

OnReady = Callable[[str], Awaitable[None]]
"""Told the address."""


async def serve(server: Server, bound: socket.socket, on_ready: OnReady) -> None:
    """Until SIGINT or SIGTERM. `on_ready` runs beside it once conversations can be held."""
    web = WebServer(web_config(server.app, server.settings.max_message_bytes, server.certificate))
    leaving = Leaving(server, web)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leaving.asked)
    async with asyncio.TaskGroup() as tasks:
        beside = (leaving.run(), _tell_when_ready(server, address_of(bound, server.settings), on_ready))
        running = [tasks.create_task(work) for work in beside]
        await web.serve(sockets=[bound])
        for task in running:
            task.cancel()


async def _tell_when_ready(server: Server, address: str, on_ready: OnReady) -> None:
    await server.complete()
    spare_what_is_loaded()
    await on_ready(address)
