"""Runs the server in this process until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from antiphon_core.errors import BadSettings

from antiphon_orchestrator.app import Server
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


def set_up_logs(settings: ServerSettings) -> None:
    """One line an event on standard error."""
    renderer = (
        structlog.dev.ConsoleRenderer(colors=False)
        if settings.log_format == "console"
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(),
    )


async def serve(server: Server, bound: socket.socket, on_ready: Callable[[str], None]) -> None:
    """Until SIGINT or SIGTERM. `on_ready` is told the address once conversations can be held."""
    settings = server.settings
    config = uvicorn.Config(
        server.app,
        ws="websockets-sansio",
        ws_max_size=settings.max_message_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    host, port = bound.getsockname()[:2]
    web = _Web(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, web.handle_exit, number, None)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(_tell_when_ready(server, f"http://{host}:{port}", on_ready))
        await web.serve(sockets=[bound])
        watching.cancel()


class _Web(uvicorn.Server):
    """Leaves signals to us: uvicorn raises them once more when it has ended, and nothing could be cleaned up then."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _tell_when_ready(server: Server, address: str, on_ready: Callable[[str], None]) -> None:
    await server.complete()
    on_ready(address)
