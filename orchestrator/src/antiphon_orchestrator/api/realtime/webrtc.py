"""POST /v1/realtime/calls: the Realtime protocol over WebRTC: SDP in, SDP out, and a call that goes on by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from antiphon_core.errors import AntiphonError, Draining
from starlette.requests import Request
from starlette.responses import Response

from antiphon_orchestrator.api.client_secrets import SCOPE_KEY
from antiphon_orchestrator.api.http_errors import HttpFault, bounded_body
from antiphon_orchestrator.api.realtime.bridge import Bridge
from antiphon_orchestrator.api.realtime.conversing import Host, Wishes, converse, wishes_of
from antiphon_orchestrator.api.realtime.webrtc_doors import Doors
from antiphon_orchestrator.api.realtime.webrtc_ears import PacketEars
from antiphon_orchestrator.api.realtime.webrtc_outlet import CallOutlet
from antiphon_orchestrator.api.uploads import bounded_form
from antiphon_orchestrator.processes.house import House
from antiphon_orchestrator.session.ids import new_id
from antiphon_orchestrator.session.refusal import Refusal

if TYPE_CHECKING:
    from antiphon_orchestrator.api.realtime.webrtc_peer import Peer

log = structlog.get_logger(__name__)

MAX_OFFER_BYTES = 256 * 1024
HANDSHAKE_S = 15.0
"""A client that has our answer and does not connect for so long never will."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client asks for."""

    sdp: str
    updates: tuple[Mapping[str, Any], ...]
    wishes: Wishes


class Calls:
    """All calls of a server. `run` is their parent."""

    def __init__(self, host: Host, doors: Callable[[], Doors], house: House) -> None:
        self._host = host
        self._house = house
        self._doors = doors
        self._tasks: asyncio.TaskGroup | None = None
        self._peers: dict[str, Peer] = {}

    def __len__(self) -> int:
        return len(self._peers)

    async def run(self) -> None:
        """Until cancelled; all calls are over then."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    async def begin(self, request: Request) -> Response:
        """Answers an offer. The call lives on until one of the two hangs up."""
        offer = await _offer(request)
        if self._tasks is None:
            raise Draining("the server is about to end; call another one", retry_after_ms=5_000)
        call_id = new_id("rtc")
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks.create_task(self._serve(call_id, offer, answered))
        location = f"{request.url.path.rstrip('/')}/{call_id}"
        return Response(await answered, 201, {"Location": location}, media_type="application/sdp")

    async def hang_up(self, request: Request) -> Response:
        """Ends a call, whichever process holds it."""
        call_id = request.path_params["call_id"]
        if not (self.hang_up_here(call_id) or await self._house.hang_up(call_id)):
            raise HttpFault(404, f"There is no call '{call_id}'; it may have ended.", code="call_not_found")
        return Response()

    def hang_up_here(self, call_id: str) -> bool:
        """Ends a call of this process; False if it has no such call."""
        peer = self._peers.get(call_id)
        if peer is not None:
            peer.hang_up()
        return peer is not None

    async def _serve(self, call_id: str, offer: Offer, answered: asyncio.Future[str]) -> None:
        """One call from its offer to its end, whatever happens to it."""
        try:
            await self._talk(call_id, offer, answered)
        except (AntiphonError, Refusal) as refusal:
            _settle(answered, refusal)
        except Exception as error:
            log.exception("call failed", call=call_id)
            _settle(answered, error)
        finally:
            answered.cancel()

    async def _talk(self, call_id: str, offer: Offer, answered: asyncio.Future[str]) -> None:
        wishes = offer.wishes
        outbox = self._host.new_outbox(own_events=wishes.own_events)
        outlet = CallOutlet(outbox)
        peer_type = await asyncio.to_thread(_peer_type)
        ticket = await self._host.prepare(wishes)
        conversation = self._host.conversation(wishes, outlet, *offer.updates, ticket=ticket)
        with conversation as (session, bridge):
            outlet.hushes = session.settings.hold_mode == "silence"
            peer = self._peers[call_id] = peer_type(outlet.voice, PacketEars(bridge.hear), self._doors())
            try:
                _settle(answered, await peer.answer(offer.sdp))
                if await _connected(peer):
                    await converse(session, outbox, _receive(peer, bridge), peer.send, bridge.keeper)
                else:
                    session.hang_up("never_connected")
            finally:
                del self._peers[call_id]
                await peer.close()


def _peer_type() -> type[Peer]:
    """Takes a while the first time, and nobody pays for it who holds no calls."""
    from antiphon_orchestrator.api.realtime.webrtc_peer import Peer

    return Peer


async def _connected(peer: Peer) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(HANDSHAKE_S):
            return await peer.connected()
    return False


async def _receive(peer: Peer, bridge: Bridge) -> None:
    bridge.greet()
    while (message := await peer.next_message()) is not None:
        await bridge.receive(message)


def _settle(answered: asyncio.Future[str], outcome: str | Exception) -> None:
    """Nobody may be waiting any more."""
    if answered.done():
        return
    if isinstance(outcome, str):
        answered.set_result(outcome)
    else:
        answered.set_exception(outcome)


async def _offer(request: Request) -> Offer:
    """Both ways there are: the bare SDP, or a form with `sdp` and `session`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    session: Mapping[str, Any] = {}
    if kind == "application/sdp":
        sdp = (await bounded_body(request, MAX_OFFER_BYTES)).decode(errors="replace")
    elif kind == "multipart/form-data":
        async with bounded_form(request, MAX_OFFER_BYTES, "offer") as form:
            sdp, session = await _field(form.get("sdp")), _session(await _field(form.get("session")))
    else:
        raise HttpFault(
            415,
            f"An offer is 'application/sdp', or 'multipart/form-data' with 'sdp' and 'session'; this is '{kind}'.",
            code="unsupported_media_type",
        )
    updates = (request.scope.get(SCOPE_KEY, {}), session)
    return Offer(sdp, updates, wishes_of(request))


async def _field(value: Any) -> str:
    """A form's field; some clients send it as a file."""
    if value is None or isinstance(value, str):
        return value or ""
    return str((await value.read()).decode(errors="replace"))


def _session(text: str) -> Mapping[str, Any]:
    try:
        session = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise HttpFault(400, f"'session' is not valid JSON: {error}.", code="invalid_json", param="session") from error
    if not isinstance(session, dict):
        raise HttpFault(400, "'session' must be a JSON object.", code="invalid_type", param="session")
    return session
