"""Engines side by side: what each costs, what its worker adds, what a peer does with the same voice, and how well it is
understood.

python tests/bench/engines.py [hibari piper kokoro] [--rounds 6] [--threads 2] [--flags "cosyvoice=--own-dir ..."]

Every engine runs in the environment of its own lock, made by `poetry sync` in its folder unless --python names one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from antiphon_core.audio import Frame
from bare_engine import SEED
from engines_environments import Peer, python_of
from engines_understood import SENTENCES, Ears
from worker import RATE_HZ, BareEngine, Worker, channel_to, opened

TEXTS = SENTENCES[:3]
PEERS = {"piper": "wyoming-piper"}
THREADS = min(4, os.cpu_count() or 1)
"""The peer takes all processors."""


@dataclass
class Figures:
    """Rounds of one party at one number of callers."""

    first_ms: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    audio_s: list[float] = field(default_factory=list)

    def add(self, first_ms: float, wall_s: float, audio_s: float) -> None:
        self.first_ms.append(first_ms)
        self.wall_s.append(wall_s)
        self.audio_s.append(audio_s)

    @property
    def told(self) -> str:
        speed = statistics.median(audio / wall for audio, wall in zip(self.audio_s, self.wall_s, strict=True))
        return f"{statistics.median(self.first_ms):.0f} ms, {speed:.1f} x"


async def ask_worker(channel: grpc.aio.Channel, parallel: int) -> tuple[float, float, float]:
    """Callers that each have the texts spoken, one after the other: first frames, wall, audio."""
    first_ms: list[float] = []
    samples = 0

    async def caller() -> None:
        nonlocal samples
        for text in TEXTS:
            began_s, first_s = time.perf_counter(), 0.0
            call = await opened(channel, text, seed=SEED)
            while (event := await call.receive()) is not None:
                if isinstance(event, Frame):
                    first_s = first_s or time.perf_counter()
                    samples += event.speech_samples
            first_ms.append((first_s - began_s) * 1000)

    began_s = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(parallel)))
    return statistics.median(first_ms), time.perf_counter() - began_s, samples / RATE_HZ


async def compare(
    engine: str, flags: list[str], python: Path, peer: Path | None, options: argparse.Namespace
) -> AsyncIterator[str]:
    """Lines of figures, each as soon as it is known."""
    with ExitStack() as stack:
        bare = BareEngine(engine, *flags, python=python)
        stack.callback(bare.end)
        worker = Worker(engine, *flags, python=python)
        stack.callback(worker.end)
        other = Peer(peer) if peer else None
        if other:
            stack.callback(other.end)
        async with channel_to(worker) as channel:
            for parallel in options.callers:
                for line in await row(engine, bare, channel, other, parallel, options):
                    yield line
            yield load_line(engine, bare, worker)
            if other:
                yield f"{PEERS[engine]}: loaded in {other.load_s:.1f} s; memory {other.rss_bytes / 1e6:.0f} MB"
            if options.sentences:
                yield await understood(engine, channel, SENTENCES[: options.sentences])


def load_line(engine: str, bare: BareEngine, worker: Worker) -> str:
    rss_mb = worker.stats.memory_info().rss / 1e6
    engine_mb = bare.rss_bytes / 1e6
    return f"{engine}: loaded in {bare.loaded['load_s']:.1f} s; memory {engine_mb:.0f} MB, its worker {rss_mb:.0f} MB"


async def row(
    engine: str,
    bare: BareEngine,
    channel: grpc.aio.Channel,
    other: Peer | None,
    parallel: int,
    options: argparse.Namespace,
) -> list[str]:
    """All parties take turns, so that every round saw the same machine."""
    alone, served, peer = Figures(), Figures(), Figures()
    began_s = time.monotonic()
    for number in range(options.rounds + 1):
        said = await asyncio.to_thread(bare.ask, texts=TEXTS, parallel=parallel)
        through = await ask_worker(channel, parallel)
        elsewhere = await asyncio.to_thread(other.ask, TEXTS, parallel) if other else None
        is_last = time.monotonic() - began_s > options.row_s
        if number or is_last:  # the first round warms caches, where there is time for another
            alone.add(said["first_ms"], said["wall_s"], said["audio_s"])
            served.add(*through)
            if elsewhere:
                peer.add(elsewhere["first_ms"], elsewhere["wall_s"], elsewhere["audio_s"])
        if is_last:
            break
    ratio = statistics.median(one / two for one, two in zip(alone.wall_s, served.wall_s, strict=True))
    lines = [f"| {engine} | {parallel} | {alone.told} | {served.told} | {ratio:.2f} |"]
    if other:
        lines.append(f"| {PEERS[engine]} | {parallel} | | {peer.told} | |")
    return lines


async def understood(engine: str, channel: grpc.aio.Channel, sentences: Sequence[str]) -> str:
    ears = Ears()
    errors = words = 0
    for text in sentences:
        wrong, count = await ears.errors(channel, text)
        errors, words = errors + wrong, words + count
    return f"{engine}: {errors} of {words} words misheard (word error rate {errors / words:.1%})"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engines", nargs="*", default=["hibari", "piper", "kokoro"])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--row-s", type=float, default=60.0, help="seconds after which a row gets no further round")
    parser.add_argument("--callers", type=int, nargs="*", default=[1, 2, 4], help="how many speak at once")
    parser.add_argument("--sentences", type=int, default=len(SENTENCES), help="how many are recognised again")
    parser.add_argument("--threads", type=int, default=THREADS, help="threads that one utterance may use")
    parser.add_argument("--flags", action="append", default=[], help="NAME=FLAGS for an engine's worker")
    parser.add_argument("--python", action="append", default=[], help="NAME=PATH of an engine's or a peer's Python")
    options = parser.parse_args()
    flags, pythons = (dict(item.split("=", 1) for item in items) for items in (options.flags, options.python))
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}\n", flush=True)
    print("| engine | callers | engine alone | through its worker | throughput kept |\n|---|---|---|---|---|")
    for engine in options.engines:
        own = ["--threads", str(options.threads), *flags.get(engine, "").split()]
        print(f"{engine}: filling its environment, then loading", file=sys.stderr, flush=True)
        python = python_of(engine, pythons)
        peer = python_of(PEERS[engine], pythons) if engine in PEERS else None
        async for line in compare(engine, own, python, peer, options):
            print(line, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
