"""Measures what Ray Serve adds to the way of a frame, and what more workers are worth.

`tox -e bench-ray`; `--seconds S` shortens it. Prints one line of JSON for each figure. The engine is the reference one,
which is as slow as it is told to be by sleeping: so the figures are those of the house, not of an engine, and workers
do not compete for the CPUs of this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil
from antiphon_core.audio import FRAME_MS, Frame, PcmFormat
from antiphon_core.registry.urls import fleet_for
from antiphon_core.testkit.redis_server import RedisServer
from antiphon_core.utterance import Start, Text
from antiphon_core.wire.calls import UtteranceCall
from antiphon_core.wire.rpc import CHANNEL_OPTIONS
from antiphon_core.wire.workers import WorkerClient
from antiphon_orchestrator.testing.server import eventually
from process import HERE, START_S, Spoken, up, workers_of

RATE_HZ = 24_000
STREAMS = 40
MOST = 4
PLACES = 4
"""Utterances that one worker speaks at once, where more workers are to be worth more."""
SENTENCE = "Quietly walked seven old friends along the winding river. "
SENTENCE_S = 3.0
PACED = {"rtf": "1", "chunk_ms": str(FRAME_MS)}
"""A frame is made every 20 ms, and sent at once."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as redis:
        recipes(Path(folder))
        asyncio.run(frames(redis.url, folder, seconds))
        asyncio.run(scaling(redis.url, folder, seconds))


def recipes(folder: Path) -> None:
    """Models of the reference engine with other numbers of places."""
    for name, places in (("crowd", STREAMS), ("few", PLACES)):
        (folder / f"{name}.tone.json").write_text(json.dumps({"max_concurrency": places}), encoding="utf-8")


async def frames(registry: str, folder: str, seconds: float) -> None:
    """How soon a worker answers while it speaks to many: alone on the machine, then under Ray, then alone again."""
    settings = {"own_dirs": [folder], "models": ["crowd"]}
    figures = [await lone(folder, seconds)]
    tone = {"cpus": 0.1, "target_streams": STREAMS, "settings": settings}
    with up({"registry": registry, "engines": {"tone": tone}}, "--host", HERE, "--port", "0") as ray:
        await asyncio.to_thread(ray.wait_for, "tone: 1 running")
        (address,) = await workers(registry, 1)
        figures.append(await answers_ms(address, seconds))
        await asyncio.to_thread(ray.end)
    figures.append(await lone(folder, seconds))
    before, under_ray, after = figures
    tell("there_and_back_ms", before, streams=STREAMS, path="a worker")
    tell("there_and_back_ms", under_ray, streams=STREAMS, path="a worker under Ray Serve")
    tell("there_and_back_ms", after, streams=STREAMS, path="a worker, again")
    added = {f"p{share}": at(under_ray, share) - (at(before, share) + at(after, share)) / 2 for share in (50, 95, 99)}
    print(json.dumps({"added_by_ray_ms": {name: round(value, 3) for name, value in added.items()}}), flush=True)


async def lone(folder: str, seconds: float) -> list[float]:
    flags = ("--own-dir", folder, "--model", "crowd")
    worker = Spoken([sys.executable, "-m", "antiphon_core.worker.main", "--adapter", "tone", "--port", "0", *flags], {})
    try:
        await asyncio.to_thread(worker.wait_for, '"ready"')
        ready = next(json.loads(line) for line in worker.said.splitlines() if '"ready"' in line)
        return await answers_ms(ready["address"], seconds)
    finally:
        await asyncio.to_thread(worker.end)


async def answers_ms(address: str, seconds: float) -> list[float]:
    """There and back, on the connection over which many streams run: the way of a frame, and as much again."""
    async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        streams = [asyncio.create_task(listened(channel, seconds)) for _ in range(STREAMS)]
        client, took_ms = WorkerClient(channel), []
        while not any(stream.done() for stream in streams):
            began_s = time.perf_counter()
            await client.describe()
            took_ms.append((time.perf_counter() - began_s) * 1000)
            await asyncio.sleep(FRAME_MS / 1000)
        for stream in streams:
            await stream
    return took_ms


async def listened(channel: grpc.aio.Channel, seconds: float) -> None:
    call = UtteranceCall(channel)
    await call.send(Start(voice="crowd", format=PcmFormat(RATE_HZ), options=PACED))
    await call.send(Text(SENTENCE * round(seconds / SENTENCE_S), last=True))
    await call.end()
    while await call.receive() is not None:
        pass


async def scaling(registry: str, folder: str, seconds: float) -> None:
    """Speech per second from one worker, and from the four that Ray makes of it as more ask than one can serve."""
    settings = {"own_dirs": [folder], "models": ["few"]}
    tone = {"cpus": 0.1, "max_replicas": MOST, "target_streams": PLACES, "settings": settings, "scale_down_s": 600}
    with up({"registry": registry, "engines": {"tone": tone}}, "--host", HERE, "--port", "0") as ray:
        await asyncio.to_thread(ray.wait_for, "tone: 1 running")
        lone = await workers(registry, 1)
        one = await throughput(ray, lone, seconds, PLACES)
        asking = asyncio.create_task(throughput(ray, lone, seconds, PLACES * MOST))
        began_s = time.perf_counter()
        addresses = await workers(registry, MOST)
        took_s = time.perf_counter() - began_s
        await asking
        four = await throughput(ray, addresses, seconds, PLACES * MOST)
        await asyncio.to_thread(ray.end)
    for number, figures in ((1, one), (MOST, four)):
        told = {"speech_s_per_s": round(figures.speech, 2), "processor_ms_per_speech_s": round(figures.cost_ms, 1)}
        print(json.dumps({"workers": number, **told}), flush=True)
    print(json.dumps({"times": round(four.speech / one.speech, 2), "all_there_after_s": round(took_s, 1)}), flush=True)


@dataclass(frozen=True, slots=True)
class Throughput:
    """Seconds of speech in a second, and what one of them takes of the workers' processor time."""

    speech: float
    cost_ms: float


async def throughput(ray: Spoken, addresses: Sequence[str], seconds: float, asking: int) -> Throughput:
    """For so many who ask again as soon as they are served."""
    processes = workers_of(ray)
    worked_s, began_s = processor_s(processes), time.perf_counter()
    channels = [grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) for address in addresses]
    try:
        asked = [ask(channels[number % len(channels)], began_s + seconds) for number in range(asking)]
        speech_s = sum(await asyncio.gather(*asked)) / RATE_HZ
    finally:
        for channel in channels:
            await channel.close()
    took_s, worked_s = time.perf_counter() - began_s, processor_s(processes) - worked_s
    return Throughput(speech_s / took_s, worked_s * 1000 / speech_s)


async def ask(channel: grpc.aio.Channel, end_s: float) -> int:
    """Samples of speech that came."""
    samples = 0
    while time.perf_counter() < end_s:
        call = UtteranceCall(channel)
        await call.send(Start(voice="few", format=PcmFormat(RATE_HZ), options={"rtf": "1"}))
        await call.send(Text(SENTENCE, last=True))
        await call.end()
        while (event := await call.receive()) is not None:
            samples += event.speech_samples if isinstance(event, Frame) else 0
    return samples


def processor_s(processes: Sequence[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


async def workers(registry: str, number: int) -> list[str]:
    """The addresses of those that are announced, once there are so many."""
    fleet = fleet_for(registry)
    following = asyncio.create_task(fleet.run())
    try:
        await eventually(lambda: len(fleet.workers()) == number, START_S)
        return [record.address for record in fleet.workers()]
    finally:
        following.cancel()
        await asyncio.wait({following})


def at(values: Sequence[float], share: int) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, len(ranked) * share // 100)]


def tell(name: str, values: Sequence[float], **more: Any) -> None:
    figures = {f"p{share}": round(at(values, share), 3) for share in (50, 95, 99)}
    print(json.dumps({name: figures, "max": round(max(values), 3), "n": len(values), **more}), flush=True)


if __name__ == "__main__":
    main()
