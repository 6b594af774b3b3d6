"""GET /v1/realtime: the Realtime protocol over a WebSocket."""

from __future__ import annotations

from contextlib import ExitStack, suppress

from antiphon_core.errors import AntiphonError
from starlette.websockets import WebSocket, WebSocketDisconnect

from antiphon_orchestrator.api.client_secrets import SCOPE_KEY
from antiphon_orchestrator.api.http_errors import response_of
from antiphon_orchestrator.api.realtime.bridge import Bridge
from antiphon_orchestrator.api.realtime.conversing import Host, converse, wishes_of
from antiphon_orchestrator.session.refusal import Refusal

SUBPROTOCOL = "realtime"


class RealtimeSocket:
    """Serves one connection at a call."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def serve(self, socket: WebSocket) -> None:
        """Until the client goes, or the session ends. Everything it started has ended then."""

        async def send(message: str) -> None:
            # Whoever receives is told of a client that went.
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.send_text(message)

        with ExitStack() as stack:
            try:
                wishes = wishes_of(socket)
                outbox = self._host.new_outbox(own_events=wishes.own_events)
                ticket = await self._host.prepare(wishes)
                update = socket.scope.get(SCOPE_KEY, {})
                conversation = self._host.conversation(wishes, outbox, update, ticket=ticket)
                session, bridge = stack.enter_context(conversation)
            except (AntiphonError, Refusal) as error:
                await socket.send_denial_response(response_of(error))
                return
            with suppress(WebSocketDisconnect):
                await socket.accept(SUBPROTOCOL if SUBPROTOCOL in socket.scope.get("subprotocols", ()) else None)
                await converse(session, outbox, _receive(socket, bridge), send, bridge.keeper)
        if outbox.closing is not None:
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(*outbox.closing)


async def _receive(socket: WebSocket, bridge: Bridge) -> None:
    bridge.greet()
    with suppress(WebSocketDisconnect):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await bridge.receive(message.get("text") or message.get("bytes") or "")
