"""A server with workers, each a process of its own, and a mind whose answers are known: something to be watched."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
from antiphon_orchestrator.cli import tls
from antiphon_orchestrator.cli.caller import Call, Track, calling
from antiphon_orchestrator.testing.chat_endpoint import ChatEndpoint, words

from tests.fleet.workers import WorkerProcess

READY_S = 240.0
"""A first start fetches the models."""
_READY = "ready at "
ANSWER = "A dozen old friends quietly walked home along the winding river, singing songs about summer. They were happy."
AS_SLOW_AS_SPEECH = ("--option", "rtf=0.8", "--option", "chunk_ms=60")
"""So that a worker is at work for as long as it is heard."""
QUESTION = "What did the old friends do yesterday evening?"


@dataclass(frozen=True, slots=True)
class Worker:
    """`tone` workers answer; one `hibari` is there for the caller's own voice."""

    process: WorkerProcess
    metrics_port: int


@dataclass(slots=True)
class Site:
    """`mind` gives `ANSWER` unless it is told otherwise."""

    url: str
    server: Process
    mind: ChatEndpoint
    voices: list[Worker]
    caller: Worker
    question: Track

    @property
    def all_workers(self) -> list[Worker]:
        return [*self.voices, self.caller]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @asynccontextmanager
    async def call(self) -> AsyncIterator[Call]:
        async with calling(self.url) as call:
            await call.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "tone"}}})
            yield call


async def ask(call: Call, question: Track, limit_s: float = 60.0) -> None:
    """Speaks it and listens until the answer to it is over."""
    before = len(call.events("response.done"))
    await call.speak(question)
    await until(call, "response.done", before + 1, limit_s)


async def until(call: Call, event: str, times: int = 1, limit_s: float = 60.0) -> None:
    """Keeps the line open until such an event has come so many times."""
    came = asyncio.Event()

    def look(_: object) -> None:
        if len(call.events(event)) >= times:
            came.set()

    call.listeners.append(look)
    look(None)
    assert await call.silent_until(came, limit_s), f"no {event}; there came {[told.type for told in call.told]}"


@asynccontextmanager
async def site(*flags: str) -> AsyncIterator[Site]:
    """Two voices and the caller's, over TLS; ends all of it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        tls.main(["make", str(folder)])
        private = files_of(folder / "worker", "tls-cert", "tls-key", "tls-client-ca")
        mind = ChatEndpoint(otherwise=lambda _: words(*(f"{word} " for word in ANSWER.split())))
        await stack.enter_async_context(mind.serve())
        at_work = (*AS_SLOW_AS_SPEECH, *private)
        slow = [await stack.enter_async_context(_worker(f"slow-{number}", *at_work)) for number in (1, 2)]
        caller = await stack.enter_async_context(_worker("caller", *private, engine="hibari"))
        addresses = ",".join(one.process.address for one in (*slow, caller))
        url, server = await stack.enter_async_context(
            _server("--registry", f"static://{addresses}", "--voice", "tone", "--mind", "openai", "--mind-url",
                    mind.base_url, "--mind-model", "knowing", "--fleet-name", tls.WORKER_NAME,
                    *files_of(folder / "orchestrator", "fleet-cert", "fleet-key", "fleet-ca"), *flags)
        )  # fmt: skip
        question = await asyncio.to_thread(_spoken, url, QUESTION)
        yield Site(url, server, mind, slow, caller, question)


def files_of(folder: Path, cert: str, key: str, ca: str) -> tuple[str, ...]:
    """The flags that name them."""
    return (f"--{cert}={folder}/tls.crt", f"--{key}={folder}/tls.key", f"--{ca}={folder}/ca.crt")


def _spoken(url: str, text: str) -> Track:
    body = {"input": text, "voice": "hibari", "response_format": "pcm"}
    answer = httpx.post(f"{url}/v1/audio/speech", json=body, timeout=60.0).raise_for_status()
    return np.frombuffer(answer.content, "<i2")


@asynccontextmanager
async def _worker(name: str, *flags: str, engine: str = "tone") -> AsyncIterator[Worker]:
    port = free_port()
    process = WorkerProcess(name, "static://", "--adapter", engine, "--metrics-port", str(port), *flags)
    try:
        await process.start()
        yield Worker(process, port)
    finally:
        process.send(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10.0):
                await process.ended()
        await process.kill()


@asynccontextmanager
async def _server(*flags: str) -> AsyncIterator[tuple[str, Process]]:
    command = (sys.executable, "-m", "antiphon_orchestrator.cli.main", "serve", "--port", "0", *flags)
    process = await create_subprocess_exec(*command, stdout=PIPE, start_new_session=True)
    try:
        async with asyncio.timeout(READY_S):
            yield await _address(process), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()


async def _address(process: Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        if _READY in (said := line.decode()):
            return said.partition(_READY)[2].split()[0]
    raise RuntimeError("the server ended before it was ready; its words are above")


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
