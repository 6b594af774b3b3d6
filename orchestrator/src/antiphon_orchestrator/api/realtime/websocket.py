"""GET /v1/realtime: the Realtime protocol over a WebSocket."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Protocol

import structlog
from antiphon_core.errors import AntiphonError
from starlette.websockets import WebSocket, WebSocketDisconnect

from antiphon_orchestrator.api.http_errors import response_of
from antiphon_orchestrator.api.realtime.bridge import Bridge
from antiphon_orchestrator.api.realtime.outbox import SLOW_CLIENT, Outbox
from antiphon_orchestrator.session.outlet import Outlet
from antiphon_orchestrator.session.session import Session

log = structlog.get_logger(__name__)

SUBPROTOCOL = "realtime"
OWN_EVENTS = "antiphon_events"
"""The query parameter by which a client asks for events beyond the protocol."""
INTERNAL_ERROR = 1011
_LAST_WORDS_S = 2.0
"""What was said before the end may take so long to leave."""
_FAILED = {
    "type": "server_error",
    "code": "session_failed",
    "message": "The session failed; connect again.",
    "param": None,
    "event_id": None,
}


class Host(Protocol):
    """The server, as a connection sees it."""

    def new_outbox(self, *, own_events: bool) -> Outbox: ...

    def conversation(self, model: str, outlet: Outlet) -> AbstractContextManager[tuple[Session, Bridge]]:
        """A session, counted as long as it is held. Raises an AntiphonError if no further one can be held."""
        ...


class RealtimeSocket:
    """Serves one connection at a call."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def serve(self, socket: WebSocket) -> None:
        """Until the client goes, or the session ends. Everything it started has ended then."""
        outbox = self._host.new_outbox(own_events=socket.query_params.get(OWN_EVENTS) == "true")
        with ExitStack() as stack:
            try:
                conversation = self._host.conversation(socket.query_params.get("model", ""), outbox)
                session, bridge = stack.enter_context(conversation)
            except AntiphonError as error:
                await socket.send_denial_response(response_of(error))
                return
            with suppress(WebSocketDisconnect):
                await socket.accept(SUBPROTOCOL if SUBPROTOCOL in socket.scope.get("subprotocols", ()) else None)
                await _converse(socket, session, bridge, outbox)
        if outbox.closing is not None:
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(*outbox.closing)


async def _converse(socket: WebSocket, session: Session, bridge: Bridge, outbox: Outbox) -> None:
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(_send(socket, outbox))
        try:
            await _talk(socket, session, bridge, outbox)
        except* Exception as failures:
            log.error("session failed", exc_info=failures)
            outbox.event("error", error=_FAILED)
            outbox.close(INTERNAL_ERROR, "internal error")
        outbox.close(1000, "")
        await asyncio.wait({sending}, timeout=_LAST_WORDS_S)
        sending.cancel()


async def _talk(socket: WebSocket, session: Session, bridge: Bridge, outbox: Outbox) -> None:
    """Until one of the two has had enough."""
    async with asyncio.TaskGroup() as tasks:
        talking = tasks.create_task(session.run())
        receiving = tasks.create_task(_receive(socket, bridge))
        closing = tasks.create_task(outbox.closed.wait())
        await asyncio.wait({talking, receiving, closing}, return_when=asyncio.FIRST_COMPLETED)
        receiving.cancel()
        closing.cancel()
        is_slow = outbox.closing is not None and outbox.closing[0] == SLOW_CLIENT
        session.hang_up("slow_client" if is_slow else "hung_up")


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
