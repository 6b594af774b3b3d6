"""Workers that die, hang, are cut off, fail or end in mid-utterance: every word is heard, and none twice."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from antiphon_core.testkit.redis_server import RedisServer
from cuttable import Cuttable
from listener import WORDS, Listener, Told, listening
from registry_party import until
from workers import WorkerProcess, workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

AS_SLOW_AS_SPEECH = ("--option", "rtf=0.9")
"""So that nothing is in stock when a worker fails."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


async def hear_while(
    listener: Listener, there: list[WorkerProcess], strike: signal.Signals
) -> tuple[Told, WorkerProcess]:
    """Strikes the worker that speaks, a second and a half into the utterance."""
    hearing = asyncio.create_task(listener.hear())
    await until(lambda: listener.speaking and listener.heard_ms > 1_500)
    struck = next(worker for worker in there if worker.address == listener.speaking)
    struck.send(strike)
    return await hearing, struck


def check_heard_once(told: Told) -> None:
    assert told.failure is None
    assert told.words == WORDS


async def test_killed(redis: RedisServer) -> None:
    async with workers(redis.url, 2, *AS_SLOW_AS_SPEECH) as there, listening(redis.url, 2) as listener:
        told, killed = await hear_while(listener, there, signal.SIGKILL)
        check_heard_once(told)
        assert told.failovers == 1
        assert told.gap_ms < 2_000
        await until(lambda: killed.name not in listener.names())
        check_heard_once(await listener.hear())


async def test_stopped_and_back_again(redis: RedisServer) -> None:
    async with workers(redis.url, 2, *AS_SLOW_AS_SPEECH) as there, listening(redis.url, 2) as listener:
        told, stopped = await hear_while(listener, there, signal.SIGSTOP)
        check_heard_once(told)
        assert told.failovers == 1
        await until(lambda: stopped.name not in listener.names())
        stopped.send(signal.SIGCONT)
        await until(lambda: stopped.name in listener.names())


async def test_told_to_end_it_finishes_first(redis: RedisServer) -> None:
    async with workers(redis.url, 2, *AS_SLOW_AS_SPEECH) as there, listening(redis.url, 2) as listener:
        told, ended = await hear_while(listener, there, signal.SIGTERM)
        check_heard_once(told)
        assert told.failovers == 0
        assert await ended.ended() == 0
        await until(lambda: ended.name not in listener.names(), 2.0)
        check_heard_once(await listener.hear())


async def test_cut_off(redis: RedisServer) -> None:
    async with workers(redis.url, 1, *AS_SLOW_AS_SPEECH) as (first,):
        port = int(first.address.rpartition(":")[2])
        async with Cuttable(port).serving() as line, workers(redis.url, 1, *AS_SLOW_AS_SPEECH) as (second,):
            addresses = f"127.0.0.1:{line.port},{second.address}"
            async with listening(f"static://{addresses}", 2) as listener:
                listener.prefer(f"127.0.0.1:{line.port}")
                hearing = asyncio.create_task(listener.hear())
                await until(lambda: listener.speaking and listener.heard_ms > 1_500)
                line.cut()
                told = await hearing
                check_heard_once(told)
                assert told.failovers == 1


async def test_an_engine_that_hangs(redis: RedisServer) -> None:
    """It hangs for three seconds at a time, so that the worker gets through its warm-up."""
    hangs = ("--stall-s", "1", "--option", "hang_at=middle", "--option", "hang_ms=3000")
    async with (
        workers(redis.url, 1, *AS_SLOW_AS_SPEECH, *hangs) as (faulty,),
        workers(redis.url, 1, *AS_SLOW_AS_SPEECH) as _,
        listening(redis.url, 2) as listener,
    ):
        listener.prefer(faulty.address)
        told = await listener.hear()
        check_heard_once(told)
        assert told.failovers == 1
        assert await faulty.ended() == 70


async def test_nobody_left(redis: RedisServer) -> None:
    async with workers(redis.url, 1, *AS_SLOW_AS_SPEECH) as there, listening(redis.url, 1) as listener:
        told, _ = await hear_while(listener, there, signal.SIGKILL)
        assert told.failure is not None
        assert 2 < len(told.words) < len(WORDS)
        assert told.words == WORDS[: len(told.words)]
