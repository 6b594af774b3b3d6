"""Runs the server in this process until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from antiphon_core.errors import BadSettings
from antiphon_core.live import LiveSettings

from antiphon_orchestrator.api.hosting import WebServer, web_config
from antiphon_orchestrator.api.public_tls import PublicCertificate
from antiphon_orchestrator.app import Server
from antiphon_orchestrator.leaving import Leaving
from antiphon_orchestrator.processes.parent import Parent
from antiphon_orchestrator.settings import ServerSettings

_BACKLOG = 1_024


def listening_socket(settings: ServerSettings) -> socket.socket:
    """Bound before anything slow begins, so that a taken port is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
    except OSError as error:
        bound.close()
        raise BadSettings(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "choose another --port, or 0 for a free one",
            subject="port",
        ) from None
    bound.listen(_BACKLOG)
    return bound


async def host(live: LiveSettings[ServerSettings], flags: Mapping[str, Any], bound: socket.socket) -> int:
    """Serves with as many processes as the settings say, until SIGINT or SIGTERM; the exit status."""
    address = _address(live.now, bound)
    if live.now.processes == 1:
        await serve(Server(live), bound, _welcome)
        return 0
    return await Parent(live, flags, bound, lambda: print(f"antiphon: ready at {address}", flush=True)).run()


def _address(settings: ServerSettings, bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"{'http' if settings.tls_cert is None else 'https'}://{host}:{port}"


async def _welcome(address: str) -> None:
    print(f"antiphon: ready at {address}", flush=True)


OnReady = Callable[[str], Awaitable[None]]
"""Told the address."""


async def serve(server: Server, bound: socket.socket, on_ready: OnReady) -> None:
    """Until SIGINT or SIGTERM. `on_ready` runs beside it once conversations can be held."""
    certificate = PublicCertificate.of(server.settings)
    context = certificate.context if certificate is not None else None
    web = WebServer(web_config(server.app, server.settings.max_message_bytes, context))
    leaving = Leaving(server, web)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leaving.asked)
    async with asyncio.TaskGroup() as tasks:
        beside = [leaving.run(), _tell_when_ready(server, _address(server.settings, bound), on_ready)]
        if certificate is not None:
            beside.append(certificate.run())
        running = [tasks.create_task(work) for work in beside]
        await web.serve(sockets=[bound])
        for task in running:
            task.cancel()


async def _tell_when_ready(server: Server, address: str, on_ready: OnReady) -> None:
    await server.complete()
    await on_ready(address)
