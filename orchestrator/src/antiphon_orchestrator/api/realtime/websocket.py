"""GET /v1/realtime: the Realtime protocol over a WebSocket."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, suppress
from typing import Protocol

from antiphon_core.errors import AntiphonError
from starlette.websockets import WebSocket, WebSocketDisconnect

from antiphon_orchestrator.api.http_errors import response_of
from antiphon_orchestrator.api.realtime.bridge import Bridge
from antiphon_orchestrator.api.realtime.outbox import Outbox
from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.session.outlet import Outlet
from antiphon_orchestrator.session.session import Session

SUBPROTOCOL = "realtime"
OWN_EVENTS = "antiphon_events"
"""The query parameter by which a client asks for events beyond the protocol."""


class Host(Protocol):
    """The server, as a connection sees it."""

    def check_room(self) -> None:
        """Raises an AntiphonError if no further conversation can be held."""
        ...

    def new_config(self, model: str) -> SessionConfig: ...

    def session(self, config: SessionConfig, outlet: Outlet) -> AbstractContextManager[Session]: ...


class RealtimeSocket:
    """Serves one connection at a call."""

    def __init__(self, host: Host, max_unread_bytes: int) -> None:
        self._host = host
        self._max_unread_bytes = max_unread_bytes

    async def serve(self, socket: WebSocket) -> None:
        """Until the client goes, or the session ends. Everything it started has ended then."""
        try:
            self._host.check_room()
        except AntiphonError as error:
            await socket.send_denial_response(response_of(error))
            return
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        config = self._host.new_config(socket.query_params.get("model", ""))
        outbox = Outbox(self._max_unread_bytes, own_events=socket.query_params.get(OWN_EVENTS) == "true")
        with self._host.session(config, outbox) as session:
            await _converse(socket, session, outbox)
        if outbox.closing is not None:
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(*outbox.closing)


async def _converse(socket: WebSocket, session: Session, outbox: Outbox) -> None:
    async with asyncio.TaskGroup() as tasks:
        talking = tasks.create_task(session.run())
        sending = tasks.create_task(_send(socket, outbox))
        receiving = tasks.create_task(_receive(socket, Bridge(session, outbox.event)))
        await asyncio.wait({talking, sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        receiving.cancel()
        session.hang_up()
        await talking
        outbox.close(1000, "")


async def _receive(socket: WebSocket, bridge: Bridge) -> None:
    bridge.greet()
    with suppress(WebSocketDisconnect):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await bridge.receive(message.get("text") or message.get("bytes") or "")


async def _send(socket: WebSocket, outbox: Outbox) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while (message := await outbox.next()) is not None:
            await socket.send_text(message)
