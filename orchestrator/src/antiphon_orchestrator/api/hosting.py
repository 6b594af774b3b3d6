"""The web server that carries the application: its limits, and connections that nobody reads."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from antiphon_orchestrator.api.public_tls import PublicCertificate

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

HTTP_STUCK_S = 60.0
SOCKET_STUCK_S = 20.0
"""A peer that takes nothing for so long, while there is more than fits into the system's buffers, is cut off."""
_GOODBYE_S = 5


def web_config(app: ASGIApp, max_message_bytes: int, certificate: PublicCertificate | None = None) -> uvicorn.Config:
    """How uvicorn serves us. It logs what goes wrong to whatever logging is set up to."""
    return uvicorn.Config(
        app,
        ssl_context_factory=(lambda _config, _default: certificate.context) if certificate is not None else None,
        http=_Http,
        ws=_Socket,
        ws_max_size=max_message_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GOODBYE_S,
    )


class WebServer(uvicorn.Server):
    """Leaves signals to whoever runs it: uvicorn raises them once more when it has ended, and nothing could be cleaned
    up then."""

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self.server_state.connections)

    async def take(self, connection: socket.socket) -> None:
        """Serves a connection that somebody else has accepted."""
        config = self.config

        def new_protocol() -> asyncio.Protocol:
            return config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )

        with suppress(OSError):  # a caller that goes meanwhile
            await asyncio.get_running_loop().connect_accepted_socket(new_protocol, connection, ssl=config.ssl)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Patience(asyncio.Protocol):
    """Cuts a connection off when its peer takes nothing for `stuck_s`.

    Left alone, a closed transport waits for what it has to send: one whose peer never reads would never go.
    """

    stuck_s: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        super().connection_made(transport)

    def pause_writing(self) -> None:
        assert self._transport is not None
        self._patience = asyncio.get_running_loop().call_later(self.stuck_s, self._transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._calm_down()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm_down()
        super().connection_lost(exc)

    def _calm_down(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None


class _Http(_Patience, H11Protocol):
    stuck_s = HTTP_STUCK_S


class _Socket(_Patience, WebSocketsSansIOProtocol):
    stuck_s = SOCKET_STUCK_S

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # or uvicorn logs each refusal as an error of ours
