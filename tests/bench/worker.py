"""What a worker adds to its engine, measured from a client against the bare engine in the same run.

python tests/bench/worker.py [first cancel paced throughput unread thousand]
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
from antiphon_core.audio import FRAME_MS, Frame, PcmFormat
from antiphon_core.utterance import Finished, Start, Text
from antiphon_core.wire.calls import UtteranceCall
from antiphon_core.wire.rpc import CHANNEL_OPTIONS
from antiphon_core.wire.workers import WorkerClient

ROUNDS = 100
RATE_HZ = 24_000
"""What the orchestrator asks for."""
TEXT = "The harbour is quiet this morning, and the boats are still asleep."
TEXTS = (
    "The harbour is quiet this morning, and the boats are still asleep.",
    "A gull walks along the wall and looks into every basket for something to eat.",
    "Two fishermen drink their coffee without a word.",
    "Then the bell of the small church rings, and the first engine starts.",
)
LONG_TEXT = " ".join(TEXTS * 12)
CROWD = 50
THOUSAND = 1_000

Row = tuple[str, str, str]


class Worker:
    """A real worker process on a free port, in this environment or in that of another Python."""

    def __init__(
        self, adapter: str, *flags: str, cpus: list[int] | None = None, python: str | Path = sys.executable
    ) -> None:
        self._log = tempfile.NamedTemporaryFile(mode="w+", suffix=".log")  # noqa: SIM115 # closed in end()
        command = [python, "-m", "antiphon_core.worker.main", "--adapter", adapter, "--port", "0", *flags]
        self._process = subprocess.Popen(command, stderr=self._log)
        self.stats = psutil.Process(self._process.pid)
        if cpus:
            self.stats.cpu_affinity(cpus)
        self.address = self.logged("ready")

    def logged(self, event: str) -> str:
        """The address in the first record of an event."""
        while self._process.poll() is None:
            time.sleep(0.05)
            for line in Path(self._log.name).read_text().splitlines():
                if line.startswith("{") and (record := json.loads(line))["event"] == event:
                    return str(record["address"])
        raise SystemExit(Path(self._log.name).read_text())

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()


class BareEngine:
    """The same engine in a process without a worker."""

    def __init__(self, adapter: str, *flags: str, python: str | Path = sys.executable) -> None:
        command = [python, Path(__file__).with_name("bare_engine.py"), "--adapter", adapter, *flags]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.loaded = self._read()
        self.rss_bytes = self.loaded["rss_bytes"]

    def ask(self, **request: Any) -> dict[str, float]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        said = self._read()
        self.rss_bytes = said.get("rss_bytes", self.rss_bytes)
        return said

    def _read(self) -> dict[str, float]:
        assert self._process.stdout is not None
        return dict(json.loads(self._process.stdout.readline()))

    def end(self) -> None:
        self._process.communicate()


@contextlib.asynccontextmanager
async def channel_to(worker: Worker) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(worker.address, options=CHANNEL_OPTIONS) as channel:
        yield channel


async def opened(channel: grpc.aio.Channel, text: str, rate_hz: int = RATE_HZ, **start: Any) -> UtteranceCall:
    call = UtteranceCall(channel)
    await call.send(Start(format=PcmFormat(rate_hz), **start))
    await call.send(Text(text, last=True))
    await call.end()
    return call


async def first_frame_ms(channel: grpc.aio.Channel, text: str) -> float:
    """From before the first request to the first frame; the rest is read, too."""
    began_s, first_s = time.perf_counter(), 0.0
    call = await opened(channel, text)
    while (event := await call.receive()) is not None:
        if isinstance(event, Frame) and not first_s:
            first_s = time.perf_counter()
    return (first_s - began_s) * 1000


async def speak(channel: grpc.aio.Channel, text: str) -> Finished:
    call = await opened(channel, text)
    while (event := await call.receive()) is not None:
        if isinstance(event, Finished):
            finished = event
    return finished


async def first_audio(adapter: str) -> list[Row]:
    """Client and bare engine take turns with the same text."""
    bare, worker = BareEngine(adapter), Worker(adapter)
    try:
        async with channel_to(worker) as channel:
            pairs = [(bare.ask(text=TEXT)["first_ms"], await first_frame_ms(channel, TEXT)) for _ in range(ROUNDS)]
    finally:
        worker.end()
        bare.end()
    engine, client = np.array(pairs[5:]).T
    added = client - np.median(engine)
    spread = f"engine's own first chunk p50 {np.median(engine):.1f} ms, p95 {np.percentile(engine, 95):.1f}"
    return [
        (f"{adapter}: first audio on top of the engine, p50", f"{np.median(added):.1f} ms", "<= 5 ms"),
        (
            f"{adapter}: ... p95 ({spread})",
            f"{np.percentile(client, 95) - np.percentile(engine, 95):.1f} ms",
            "<= 15 ms",
        ),
    ]


async def cancel() -> list[Row]:
    """From cancel() at the client to the place being free again, which is after the engine's generator is closed."""
    chunk_ms = 50
    worker = Worker("tone")
    options = {"rtf": "1", "chunk_ms": str(chunk_ms)}
    waits_ms = []
    try:
        async with channel_to(worker) as channel:
            describer = WorkerClient(channel)
            for round_number in range(ROUNDS):
                call = await opened(channel, LONG_TEXT, options=options)
                frames = 0
                while frames < 5 + round_number % 7:
                    frames += isinstance(await call.receive(), Frame)
                await asyncio.sleep(0.003 * (round_number % 17))
                began_s = time.perf_counter()
                call.cancel()
                while (await describer.describe()).load.in_flight:
                    pass
                waits_ms.append((time.perf_counter() - began_s) * 1000)
    finally:
        worker.end()
    return [
        (
            f"cancel to the engine having stopped, p99 (chunks of {chunk_ms} ms; p50 {np.median(waits_ms):.1f} ms)",
            f"{np.percentile(waits_ms, 99):.1f} ms",
            f"<= {20 + chunk_ms} ms",
        )
    ]


async def paced_reader(channel: grpc.aio.Channel, begin_s: float, text: str) -> list[float]:
    """Takes a frame every 20 ms; how late each was there, after the moment it was wanted."""
    await asyncio.sleep(begin_s)
    call = await opened(channel, text)
    while not isinstance(await call.receive(), Frame):
        pass
    due_s = time.perf_counter()
    late_ms: list[float] = []
    while True:
        due_s += FRAME_MS / 1000
        await asyncio.sleep(due_s - time.perf_counter())
        asked_s = max(due_s, time.perf_counter())
        event = await call.receive()
        while event is not None and not isinstance(event, (Frame, Finished)):
            event = await call.receive()
        if not isinstance(event, Frame):
            return late_ms
        late_ms.append((time.perf_counter() - asked_s) * 1000)


@contextlib.contextmanager
def crowded_tone() -> Iterator[Path]:
    """A model of tone that takes many utterances at once."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "crowd.tone.json").write_text(json.dumps({"max_concurrency": CROWD}))
        yield Path(folder)


async def paced() -> list[Row]:
    with crowded_tone() as folder:
        worker = Worker("tone", "--own-dir", str(folder), "--model", "crowd", cpus=[0])
        os.sched_setaffinity(0, {1} if (os.cpu_count() or 1) > 1 else {0})
        try:
            async with channel_to(worker) as channel:
                before_s = cpu_s(worker.stats)
                began_s = time.perf_counter()
                readers = [paced_reader(channel, number * 0.037, " ".join(TEXTS * 2)) for number in range(CROWD)]
                late_ms = np.concatenate(await asyncio.gather(*readers))
                wall_s = time.perf_counter() - began_s
                after_s = cpu_s(worker.stats)
        finally:
            os.sched_setaffinity(0, range(os.cpu_count() or 1))
            worker.end()
    share = (after_s - before_s) / wall_s
    return [
        (
            f"{CROWD} streams at real time, worker on one core: frame lateness p99 ({len(late_ms)} frames, "
            f"max {late_ms.max():.1f} ms)",
            f"{np.percentile(late_ms, 99):.2f} ms",
            "<= 10 ms",
        ),
        ("... CPU per stream", f"{share / CROWD * 100:.2f} % of a core", ""),
    ]


async def throughput(parallel: int) -> list[Row]:
    """Everybody reads as fast as frames come. Bare engine and worker take turns, so that a pair of rounds saw the same
    machine; the client's own work counts against the worker."""
    bare, worker = BareEngine("hibari"), Worker("hibari")
    pairs = []

    async def client(channel: grpc.aio.Channel) -> None:
        for text in TEXTS:
            await speak(channel, text)

    try:
        async with channel_to(worker) as channel:
            for _ in range(24):
                done = bare.ask(texts=TEXTS, parallel=parallel)
                began_s, began_cpu_s = time.perf_counter(), cpu_s(worker.stats)
                await asyncio.gather(*(client(channel) for _ in range(parallel)))
                pairs.append(
                    (done["wall_s"], time.perf_counter() - began_s, done["cpu_s"], cpu_s(worker.stats) - began_cpu_s)
                )
    finally:
        worker.end()
        bare.end()
    bare_s, worker_s, bare_cpu_s, worker_cpu_s = np.array(pairs[4:]).T
    speeds = (
        f"{done['audio_s'] / np.median(worker_s):.0f} against {done['audio_s'] / np.median(bare_s):.0f} times real time"
    )
    return [
        (
            f"hibari, {parallel} at once: throughput by that of the bare engine ({speeds})",
            f"{np.median(bare_s / worker_s):.2f}",
            ">= 0.9",
        ),
        ("... CPU time of the bare engine by that of the worker", f"{np.median(bare_cpu_s / worker_cpu_s):.2f}", ""),
    ]


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def unread() -> list[Row]:
    """Clients that ask for a long text and then read nothing."""
    worker = Worker("tone")
    try:
        async with channel_to(worker) as channel:
            await speak(channel, TEXT)
            calls = [await opened(channel, LONG_TEXT) for _ in range(8)]
            await asyncio.sleep(2)
            before_bytes = worker.stats.memory_info().rss
            await asyncio.sleep(10)
            grown_bytes = worker.stats.memory_info().rss - before_bytes
            for call in calls:
                call.cancel()
    finally:
        worker.end()
    return [("8 clients that read nothing for 10 s: growth of memory", f"{grown_bytes / 1e6:.2f} MB", "flat")]


async def thousand() -> list[Row]:
    worker = Worker("tone", "--metrics-port", "0")
    page = f"http://{worker.logged('metrics')}/metrics"

    def now() -> tuple[int, int, int]:
        with urllib.request.urlopen(page) as response:
            figures = dict(line.rsplit(" ", 1) for line in response.read().decode().splitlines())
        threads, tasks = (float(figures[f"antiphon_worker_{name}"]) for name in ("threads", "tasks"))
        return worker.stats.memory_info().rss, int(threads), int(tasks)

    async def some(channel: grpc.aio.Channel) -> None:
        for number in range(THOUSAND):
            if number % 10:
                await speak(channel, TEXT)
            else:  # every tenth is cancelled on the way
                call = await opened(channel, TEXT)
                await call.receive()
                call.cancel()
        await asyncio.sleep(0.5)

    try:
        async with channel_to(worker) as channel:
            await some(channel)
            before = now()
            await some(channel)
            after = now()
            load = (await WorkerClient(channel).describe()).load
    finally:
        worker.end()
    return [
        (
            f"{THOUSAND} utterances after the first {THOUSAND}: growth of memory",
            f"{(after[0] - before[0]) / 1e6:.2f} MB",
            "flat",
        ),
        ("... threads, tasks more", f"{after[1] - before[1]}, {after[2] - before[2]}", "0, 0"),
        ("... leases left", str(load.in_flight), "0"),
    ]


MEASURES: dict[str, list[Callable[[], Awaitable[list[Row]]]]] = {
    "first": [lambda: first_audio("tone"), lambda: first_audio("hibari")],
    "cancel": [cancel],
    "paced": [paced],
    "throughput": [lambda: throughput(1), lambda: throughput(2), lambda: throughput(4)],
    "unread": [unread],
    "thousand": [thousand],
}


async def main(names: list[str]) -> None:
    print(
        f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, grpcio {grpc.__version__}"
    )
    print(f"load average before: {os.getloadavg()[0]:.1f}\n")
    for name in names or MEASURES:
        for measure in MEASURES[name]:
            for what, value, goal in await measure():
                print(f"{what:<110} {value:>18}   {goal}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
