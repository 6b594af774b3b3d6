"""A server among scripted parts, on a real socket of this machine, in the event loop of the test."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from antiphon_core.live import LiveSettings
from antiphon_core.models import ModelInfo, VoiceInfo
from antiphon_core.registry.base import Limits, Load, ModelState, ModelStatus, WorkerDescription, WorkerRecord
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from antiphon_orchestrator.api.hosting import WebServer, web_config
from antiphon_orchestrator.app import Server
from antiphon_orchestrator.ports import Asr, Llm, Speech
from antiphon_orchestrator.providers import Ears, Mind, Providers
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.testing.ears import ScriptedAsr, ScriptedTurnDetector, ScriptedVad
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.protocol import check_server_event
from antiphon_orchestrator.testing.speech import ScriptedSpeech

_MODEL = ModelInfo(
    id="scripted",
    voices=(VoiceInfo("one", ("en",), "the first"), VoiceInfo("two", ("en", "de"))),
    native_rate_hz=24_000,
    licence="CC0-1.0",
    size_bytes=1,
)


def worker(
    name: str = "worker-1",
    model: ModelInfo = _MODEL,
    state: ModelState = ModelState.RESIDENT,
    fetched_percent: int = 0,
) -> WorkerRecord:
    """A speech worker as the registry knows it."""
    statuses = (ModelStatus(model, state, fetched_percent),)
    description = WorkerDescription(name, "scripted", "cpu", "1", statuses, model.id, Load(), Limits())
    return WorkerRecord(f"{name}:50051", description)


class ScriptedFleet:
    """Workers that come and go as a test says."""

    def __init__(self, *workers: WorkerRecord) -> None:
        self._workers = workers
        self._changed: list[Callable[[], None]] = []

    def become(self, *workers: WorkerRecord) -> None:
        """These are the workers from now on."""
        self._workers = workers
        for changed in self._changed:
            changed()

    def workers(self) -> tuple[WorkerRecord, ...]:
        return self._workers

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self._changed.append(changed)
        return lambda: self._changed.remove(changed)

    @property
    def reachable(self) -> bool:
        return True

    async def run(self) -> None:
        await asyncio.Event().wait()


@dataclass
class Scripted:
    """The parts of a server. `followed`: the settings that they were told of."""

    mind: Llm = field(default_factory=ScriptedLlm)
    speech: Speech = field(default_factory=ScriptedSpeech)
    asr: Asr = field(default_factory=ScriptedAsr)
    fleet: ScriptedFleet = field(default_factory=lambda: ScriptedFleet(worker()))
    followed: list[ServerSettings] = field(default_factory=list)

    def providers(self) -> Providers:
        async def nothing_to_close() -> None: ...

        ears = Ears(ScriptedVad, ScriptedTurnDetector(), self.asr)
        mind = Mind(self.mind)
        return Providers(
            lambda: ears, lambda: mind, self.fleet, self.speech, nothing_to_close, follow=self.followed.append
        )


@dataclass
class Serving:
    """A server that runs. `http` calls it."""

    server: Server
    web: WebServer
    http: httpx.AsyncClient
    port: int
    url: str

    @asynccontextmanager
    async def call(self, query: str = "", **options: Any) -> AsyncIterator[Caller]:
        """A WebSocket client of its Realtime protocol."""
        url = f"{self.url.replace('http', 'ws', 1)}/v1/realtime{query}"
        async with connect(url, compression=None, max_size=None, **options) as socket_:
            caller = Caller(socket_)
            await caller.until("session.created")
            yield caller


@dataclass
class Caller:
    """Keeps all events it was sent, each checked against the protocol."""

    socket: ClientConnection
    told: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, type_: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": type_, **fields}))

    async def write(self, text: str) -> None:
        """The user types something."""
        content = [{"type": "input_text", "text": text}]
        await self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})

    async def until(self, type_: str, limit_s: float = 10.0) -> dict[str, Any]:
        """Reads until such an event comes."""
        async with asyncio.timeout(limit_s):
            while True:
                event: dict[str, Any] = json.loads(await self.socket.recv())
                check_server_event(event)
                self.told.append(event)
                if event["type"] == type_:
                    return event

    async def ended(self, limit_s: float = 10.0) -> int:
        """Reads until the server hangs up; the close code."""
        try:
            await self.until("", limit_s)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006
        raise AssertionError("it ended without a close")


@asynccontextmanager
async def serving(scripted: Scripted | None = None, *, ready: bool = True, **settings: Any) -> AsyncIterator[Serving]:
    """Starts a server and ends it again."""
    live = LiveSettings(ServerSettings, {"speechless_apology": "", **settings})
    server = Server(live, (scripted or Scripted()).providers())
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", settings.get("port", 0)))
        port = bound.getsockname()[1]
        scheme = "http" if server.certificate is None else "https"
        web = WebServer(web_config(server.app, live.now.max_message_bytes, server.certificate))
        running = asyncio.create_task(web.serve(sockets=[bound]))
        try:
            await eventually(lambda: web.started or running.done())
            if ready:
                await server.complete()
            url = f"{scheme}://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=url, timeout=10.0, verify=server.certificate is None) as http:
                yield Serving(server, web, http, port, url)
        finally:
            web.should_exit = True
            await running


async def eventually(condition: Callable[[], object], limit_s: float = 10.0) -> None:
    """Returns once it holds. Only for what gives no sign of its own."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
