"""Measures the fleet: gaps after kills, how soon a hang is noticed, how long routing takes, how late the registry is.

`tox -e bench-fleet`; `--kills N --wedges N --watches N` shorten it. Prints one line of JSON for each figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from antiphon_core.audio import Frame
from antiphon_core.logs import set_up_logs
from antiphon_core.registry import roll
from antiphon_core.registry.base import WorkerRecord
from antiphon_core.registry.documents import Beat, revision_of, write_beat, write_document
from antiphon_core.registry.urls import announcer_for, fleet_for
from antiphon_core.testkit.redis_server import RedisServer
from antiphon_orchestrator.ports import VoiceChoice
from antiphon_orchestrator.speech.judge import Wanted
from antiphon_orchestrator.speech.router import Router, Situation
from listener import TEXT, WORDS, Listener, Told, listening
from redis import Redis
from registry_party import description, until
from workers import WorkerProcess, workers

WORKERS = 1_000
DECISIONS = 5_000
REGISTERED = 10_000
WORKERS_TO_KILL = 3
"""In one utterance, before they are started again."""
STALL_S = 1.0
AS_SLOW_AS_SPEECH = {"rtf": "0.9", "chunk_ms": "60"}
"""So that nothing is in stock when a worker is killed. Asked for with each utterance, as workers start sooner then."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--wedges", type=int, default=10)
    parser.add_argument("--watches", type=int, default=100)
    parser.add_argument("--registered", type=int, default=REGISTERED)
    arguments = parser.parse_args()
    set_up_logs("error", "console")
    routing()
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as redis:
        asyncio.run(watch_lag(redis.url, arguments.watches))
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as redis:
        asyncio.run(kills(redis.url, arguments.kills))
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as redis:
        asyncio.run(wedges(redis.url, arguments.wedges))
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as redis:
        asyncio.run(many(redis, arguments.registered))


def routing() -> None:
    """Among workers whose load changes between any two decisions."""
    fleet = [WorkerRecord(f"h{n}:1", description(f"w{n}")) for n in range(WORKERS)]
    router, chance, own, took_ms = Router(), random.Random(1), Counter[str](), list[float]()

    def pick_two(count: int) -> tuple[int, int]:
        first, second = chance.sample(range(count), 2)
        return first, second

    for number in range(DECISIONS):
        place = chance.randrange(WORKERS)
        worker = fleet[place].description
        fleet[place] = replace(
            fleet[place], description=replace(worker, load=replace(worker.load, in_flight=number % 3))
        )
        known = tuple(fleet)
        began_s = time.perf_counter()
        decision = router.decide(known, Wanted("m"), Situation(own), pick_two)
        took_ms.append((time.perf_counter() - began_s) * 1000)
        own[decision.route.record.address] += 1
    tell("routing_ms", took_ms, workers=WORKERS)


async def watch_lag(url: str, times: int) -> None:
    """From the announcement of a worker to the moment a watcher knows it."""
    fleet, seen = fleet_for(url), asyncio.Event()
    fleet.subscribe(seen.set)
    following = asyncio.create_task(fleet.run())
    await asyncio.sleep(1.0)
    lags_ms = []
    for number in range(times):
        seen.clear()
        now = description(f"w{number}")
        began_s = time.perf_counter()
        announcing = asyncio.create_task(announcer_for(url).run(f"h{number}:1", lambda now=now: now))  # type: ignore[misc]
        await until(lambda name=now.worker: any(one.description.worker == name for one in fleet.workers()))  # type: ignore[misc]
        lags_ms.append((time.perf_counter() - began_s) * 1000)
        announcing.cancel()
        await asyncio.wait({announcing})
    following.cancel()
    await asyncio.wait({following})
    tell("watch_lag_ms", lags_ms)


async def many(redis: RedisServer, number: int) -> None:
    """What so many workers cost a watcher: to read them all, and to hear them for a second."""
    roll.TTL_S = 3_600.0  # these workers beat once
    register(redis, number)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_s, cpu_s = time.perf_counter(), time.process_time()
    fleet = fleet_for(redis.url)
    following = asyncio.create_task(fleet.run())
    lateness_ms, waited_s = [], time.perf_counter()
    while len(fleet.workers()) < number:
        await asyncio.sleep(0.005)
        now_s = time.perf_counter()
        lateness_ms.append((now_s - waited_s) * 1000 - 5)
        waited_s = now_s
    read_s, read_cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    cpu_s = time.process_time()
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("beating.py")), str(redis.port), str(number)
    )
    await publisher.wait()
    await until(lambda: all(record.description.load.in_flight for record in fleet.workers()))
    beats_cpu_s = time.process_time() - cpu_s
    following.cancel()
    await asyncio.wait({following})
    figures = {"read_s": read_s, "read_cpu_s": read_cpu_s, "cpu_s_per_second_of_beats": beats_cpu_s}
    rounded = {name: round(value, 2) for name, value in figures.items()}
    print(json.dumps({"registered": number, "rss_kb": kb, **rounded}), flush=True)
    tell("loop_held_ms", lateness_ms)


def register(redis: RedisServer, number: int) -> None:
    with Redis(port=redis.port) as client:
        for place in range(number):
            worker = description(f"w{place}")
            document = write_document(WorkerRecord(f"h{place}:1", worker))
            beat = write_beat(Beat(worker.incarnation, 1, revision_of(document), worker.load))
            client.set(f"{{antiphon}}:worker:{worker.incarnation}", document)
            client.set(f"{{antiphon}}:beat:{worker.incarnation}", beat)
            client.sadd("{antiphon}:workers", worker.incarnation)


async def kills(url: str, times: int) -> None:
    """An engine as slow as speech is killed at any moment; the gap is what the listener hears of it.

    Workers are started again all at once and nobody speaks meanwhile: that would be measured, too.
    """
    chance, gaps_ms, wrong = random.Random(1), list[float](), list[Told]()
    all_of_them = WORKERS_TO_KILL + 1
    async with workers(url, all_of_them) as there, listening(url, all_of_them) as listener:
        calm = await listener.hear(options=AS_SLOW_AS_SPEECH)
        while len(gaps_ms) < times:
            hearing = asyncio.create_task(listener.hear(options=AS_SLOW_AS_SPEECH))
            await asyncio.sleep(0)  # it has begun, and nothing was heard of it
            struck, marks = list[WorkerProcess](), list[int]()
            for _ in range(min(WORKERS_TO_KILL, times - len(gaps_ms))):
                killed = await strike(listener, there, listener.heard_ms + chance.uniform(600, 1_900), hearing)
                struck += [killed] if killed else []
                marks += [len(listener.gaps_ms)] if killed else []
            told = await hearing
            ends = [*marks[1:], len(listener.gaps_ms)][: len(marks)]
            gaps_ms += [max(listener.gaps_ms[mark:end], default=0.0) for mark, end in zip(marks, ends, strict=True)]
            wrong += [told] if told.words != WORDS else []
            await asyncio.gather(*(again(worker) for worker in struck))
            await until(lambda: {worker.name for worker in there} <= listener.names())
    tell("gap_ms", gaps_ms, without_a_kill=round(calm.gap_ms), heard_wrong=len(wrong))
    for one in wrong:
        print(json.dumps({"heard": one.words, "failure": str(one.failure), "failovers": one.failovers}))


async def strike(
    listener: Listener, there: Sequence[WorkerProcess], at_ms: float, hearing: asyncio.Task[Told]
) -> WorkerProcess | None:
    """Kills whoever speaks once so much was heard; None if it was over before."""
    await until(lambda: hearing.done() or (listener.speaking and listener.heard_ms > at_ms), 60.0)
    struck = next((worker for worker in there if worker.address == listener.speaking), None)
    if struck is not None:
        struck.send(signal.SIGKILL)
    return struck


async def wedges(url: str, times: int) -> None:
    """An engine hangs in mid-utterance: from the last of its sound to the failover, and to another worker's sound."""
    hangs = ("--stall-s", str(STALL_S), "--option", "hang_at=middle", "--option", "hang_ms=3000")
    noticed_ms, silent_ms = list[float](), list[float]()
    choice = VoiceChoice("tone", options=AS_SLOW_AS_SPEECH)
    async with (
        workers(url, 1, *hangs) as (faulty,),
        workers(url, 1),
        listening(url, 2) as listener,
    ):
        for _ in range(times):
            listener.prefer(faulty.address)
            before, last_s = len(listener.failovers), 0.0
            async with aclosing(listener.speech.speak(TEXT, choice, session_id="session")) as events:
                async for event in events:
                    if isinstance(event, Frame) and len(listener.failovers) > before:
                        break
                    last_s = time.monotonic() if isinstance(event, Frame) else last_s
            noticed_ms.append((listener.failovers[-1] - last_s) * 1000)
            silent_ms.append((time.monotonic() - last_s) * 1000)
            await again(faulty)
            await until(lambda: faulty.name in listener.names())
    tell("hang_noticed_ms", noticed_ms, stall_s=STALL_S)
    tell("hang_silent_ms", silent_ms, stall_s=STALL_S)


async def again(worker: WorkerProcess) -> None:
    await worker.ended()
    await worker.start()


def tell(name: str, values: Sequence[float], **more: object) -> None:
    ranked = sorted(values)
    at = {f"p{share}": round(ranked[min(len(ranked) - 1, len(ranked) * share // 100)], 3) for share in (50, 95, 99)}
    print(json.dumps({name: at, "max": round(ranked[-1], 3), "n": len(ranked), **more}), flush=True)


if __name__ == "__main__":
    main()
