"""Real servers, each a process of its own that may have several, and a caller who loses no word when they end."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from antiphon_adapter_tone.ears import words_in
from antiphon_core.testkit.redis_server import free_port
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

READY_S = 120.0
TURN_S = 90.0
_NO_EARS = ("--turn-detector", "none", "--recogniser", "openai", "--recogniser-url", "http://127.0.0.1:9/v1")
"""These callers type: nobody is recognised, and no models are loaded for it."""


class ServerProcess:
    """`antiphon serve` with a mind that echoes."""

    def __init__(self, registry: str, *flags: str) -> None:
        self.port = free_port()
        self._command = (
            sys.executable, "-m", "antiphon_orchestrator.cli.main", "serve", "--port", str(self.port), "--mind", "echo",
            "--voice", "tone", "--registry", registry, "--speechless-apology", "", *_NO_EARS, *flags,
        )  # fmt: skip
        self._process: Process | None = None

    async def start(self) -> None:
        self._process = await create_subprocess_exec(*self._command, stdout=PIPE, start_new_session=True)
        assert self._process.stdout is not None
        async with asyncio.timeout(READY_S):
            line = await self._process.stdout.readline()
        assert line.startswith(b"antiphon: ready at"), line

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None, "it was not started"
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def ended(self) -> int:
        """Waits for its end; the exit status."""
        assert self._process is not None, "it was not started"
        return await self._process.wait()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://{self.address}", timeout=30.0)


@asynccontextmanager
async def server(registry: str, *flags: str) -> AsyncIterator[ServerProcess]:
    """One that is ready; ended in the end, whatever became of it."""
    one = ServerProcess(registry, *flags)
    try:
        await one.start()
        yield one
    finally:
        for number in (signal.SIGTERM, signal.SIGTERM):
            one.send(number)
        await one.ended()


class Moved(Exception):
    """The connection is gone."""


@dataclass
class Caller:
    """Talks to whichever server takes it, and goes on where another one left off. `closes`: the codes it was hung up
    with."""

    addresses: list[str]
    token: str = ""
    closes: list[int] = field(default_factory=list)
    answers: list[list[str]] = field(default_factory=list)
    _socket: ClientConnection | None = None
    _known: set[str] = field(default_factory=set)
    _pcm: bytearray = field(default_factory=bytearray)
    _count: int = 0

    async def say(self, sentence: str) -> None:
        """Types a sentence, and hears the answer to its end."""
        self._count += 1
        item_id, before = f"item_{self._count}", len(self.answers)
        async with asyncio.timeout(TURN_S):
            while len(self.answers) == before:
                try:
                    await self._turn(item_id, sentence)
                except Moved:
                    await self._connect()

    async def _turn(self, item_id: str, sentence: str) -> None:
        """What was not acknowledged is sent again."""
        if self._socket is None:
            await self._connect()
        if item_id not in self._known:
            content = [{"type": "input_text", "text": sentence}]
            item = {"id": item_id, "type": "message", "role": "user", "content": content}
            await self._send("conversation.item.create", item=item)
        await self._send("response.create")
        self._pcm.clear()
        status = await self._hear()
        assert status == "completed", f"the answer was {status}"
        vocabulary = dict.fromkeys(f"You said {sentence}".replace(".", "").split())
        self.answers.append(words_in(bytes(self._pcm), 24_000, vocabulary))

    async def _hear(self) -> str:
        while True:
            event = await self._next()
            if event["type"] == "response.output_audio.delta":
                self._pcm += base64.b64decode(event["delta"])
            elif event["type"] == "conversation.item.added":
                self._known.add(event["item"]["id"])
            elif event["type"] == "response.done":
                return str(event["response"]["status"])
            elif event["type"] == "error":
                raise AssertionError(event["error"]["message"])

    async def _connect(self) -> None:
        """To the first that takes it, as a balancer would; a caller that was there before resumes."""
        query = "?antiphon_events=true" + (f"&antiphon_resume={self.token}" if self.token else "")
        while True:
            for address in tuple(self.addresses):
                with suppress(OSError, InvalidHandshake, TimeoutError):
                    self._socket = await connect(f"ws://{address}/v1/realtime{query}", compression=None)
                    await self._greeted()
                    return
            await asyncio.sleep(0.1)

    async def _greeted(self) -> None:
        await self._next()
        resumable = await self._next()
        if self.token:
            assert resumable["token"] == self.token
            items = (await self._next())["items"]
            self._known = {item["id"] for item in items}
        self.token = resumable["token"]

    async def _send(self, type_: str, **fields: Any) -> None:
        assert self._socket is not None
        try:
            await self._socket.send(json.dumps({"type": type_, **fields}))
        except ConnectionClosed as closed:
            raise self._gone(closed) from closed

    async def _next(self) -> dict[str, Any]:
        assert self._socket is not None
        try:
            event: dict[str, Any] = json.loads(await self._socket.recv())
        except ConnectionClosed as closed:
            raise self._gone(closed) from closed
        return event

    def _gone(self, closed: ConnectionClosed) -> Moved:
        self.closes.append(closed.rcvd.code if closed.rcvd is not None else 1006)
        return Moved()

    async def history(self) -> list[str]:
        """What the server remembers, as a newcomer with the token is told it."""
        await self.close()
        await self._connect()
        return sorted(item_id for item_id in self._known if item_id.removeprefix("item_").isdigit())

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()


def said(sentences: Sequence[str]) -> list[list[str]]:
    """What the echo answers."""
    return [f"You said {sentence}".replace(".", "").split() for sentence in sentences]
