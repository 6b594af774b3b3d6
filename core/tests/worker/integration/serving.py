"""Real workers for tests: in this process, and as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from antiphon_core.audio import Frame
from antiphon_core.live import LiveSettings
from antiphon_core.utterance import Finished, Start, Started, SynthesisEvent, Text, UtteranceMessage
from antiphon_core.wire.calls import UtteranceCall
from antiphon_core.wire.rpc import CHANNEL_OPTIONS
from antiphon_core.worker.app import App
from antiphon_core.worker.hosting import loader_for
from antiphon_core.worker.plugins import load_adapter
from antiphon_core.worker.settings import WorkerSettings

TESTS = Path(__file__).parent.parent.parent


class WorkerProcess:
    """`worker` as an operator starts it. Its log is read as JSON lines."""

    def __init__(self, site: Path, log: Path, *arguments: str, **environment: str) -> None:
        self._log = log
        path = os.pathsep.join([str(site), str(TESTS), os.environ.get("PYTHONPATH", "")])
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "antiphon_core.worker.main", *arguments],
                stderr=out,
                env={**os.environ, "PYTHONPATH": path, **environment},
            )

    def records(self) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def wait_for(self, event: str, timeout_s: float = 60) -> dict[str, Any]:
        """The first record of an event, once it is there."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            for record in self.records():
                if record["event"] == event:
                    return record
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"no {event!r} in:\n{self._log.read_text()}")

    def address(self) -> str:
        return str(self.wait_for("ready")["address"])

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self, timeout_s: float = 60) -> tuple[int, str]:
        """Exit status, and all it wrote."""
        return self.process.wait(timeout_s), self._log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@asynccontextmanager
async def serving(models_dir: Path, **flags: Any) -> AsyncIterator[App]:
    """A worker of the scripted adapter in this process and loop, ready."""
    live = LiveSettings(
        WorkerSettings, {"adapter": "scripted", "port": 0, "models_dir": models_dir, "name": "w1", **flags}
    )
    adapter = load_adapter("scripted")
    app = App(live, adapter, loader_for(adapter, live))
    running = asyncio.create_task(app.run())
    ready = asyncio.create_task(app.ready.wait())
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if app.ready.is_set():
            yield app
    finally:
        ready.cancel()
        app.end("the test is over")
        await running


@asynccontextmanager
async def channel_to(address: str) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        yield channel


class Heard:
    """What came of one utterance."""

    def __init__(self, events: Sequence[SynthesisEvent]) -> None:
        self.events = events
        self.frames = [event for event in events if isinstance(event, Frame)]
        self.finished = next(event for event in events if isinstance(event, Finished))

    @property
    def started(self) -> Started:
        return next(event for event in self.events if isinstance(event, Started))

    @property
    def speech_ms(self) -> float:
        return self.finished.samples * 1000 / self.started.format.rate_hz


async def send(channel: grpc.aio.Channel, *messages: UtteranceMessage) -> UtteranceCall:
    call = UtteranceCall(channel)
    for message in messages:
        await call.send(message)
    return call


async def hear(call: UtteranceCall) -> Heard:
    """Reads to the end, or raises what ended it."""
    events = []
    try:
        while (event := await call.receive()) is not None:
            events.append(event)
    finally:
        call.cancel()
    return Heard(events)


async def say(channel: grpc.aio.Channel, text: str, **start: Any) -> Heard:
    call = await send(channel, Start(**start), Text(text, last=True))
    await call.end()
    return await hear(call)
