"""Engines on one machine: placed, restarted, scaled with what is spoken, and ended in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from antiphon_core.testkit.redis_server import RedisServer
from antiphon_orchestrator.testing.server import eventually
from crowd import AS_SLOW_AS_SPEECH, crowd
from process import HERE, START_S, UNHURRIED_LISTENER, Spoken, replicas_of, up, workers_of

from tests.fleet.listener import WORDS, listening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SPEAKERS = 6
MOST = 3
FLAGS = ("--host", HERE, "--port", "0")
TONE = {"max_replicas": MOST, "target_streams": 2, "cpus": 0.1, "scale_down_s": 5}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


def content(redis: RedisServer) -> dict[str, Any]:
    return {"registry": redis.url, "engines": {"tone": TONE}}


@pytest.fixture(scope="module")
def running(redis: RedisServer) -> Iterator[Spoken]:
    with up(content(redis), *FLAGS) as process:
        process.wait_for("tone: 1 running")
        yield process


@pytest.mark.parametrize("those", [workers_of, replicas_of])
async def test_one_that_is_killed_is_replaced(
    running: Spoken, redis: RedisServer, those: Callable[[Spoken], list[psutil.Process]]
) -> None:
    async with listening(redis.url, 1, UNHURRIED_LISTENER) as listener:
        assert (await listener.hear()).words == WORDS
        killed = listener.names()
        (process,) = those(running)
        process.kill()
        await eventually(lambda: len(listener.names() - killed) == len(listener.names()) == 1, START_S)
        assert (await listener.hear()).words == WORDS
        assert len(workers_of(running)) == 1


async def test_workers_come_as_people_talk_and_go_when_they_are_silent(running: Spoken, redis: RedisServer) -> None:
    async with listening(redis.url, 1, UNHURRIED_LISTENER) as listener:
        async with crowd(listener.speech, SPEAKERS) as talking:
            await eventually(lambda: len(listener.names()) == MOST, START_S)
            await eventually(lambda: len(listener.speech.in_flight()) == MOST, START_S)
        assert talking.wrong == []
        await eventually(lambda: len(listener.names()) == 1, START_S)
        assert (await listener.hear()).words == WORDS


async def test_ctrl_c_lets_what_is_spoken_be_spoken_to_its_end(running: Spoken, redis: RedisServer) -> None:
    async with listening(redis.url, 1, UNHURRIED_LISTENER) as listener:
        hearing = asyncio.create_task(listener.hear(options=AS_SLOW_AS_SPEECH))
        await eventually(lambda: listener.heard_ms > 1_000, 20.0)
        ended = await asyncio.to_thread(running.end)
        told = await hearing
        assert told.words == WORDS
        assert told.failovers == 0
        assert ended == 0


async def test_when_up_is_killed_what_is_spoken_is_spoken_to_its_end_and_nothing_stays(redis: RedisServer) -> None:
    with up(content(redis), *FLAGS) as process:
        process.wait_for("tone: 1 running")
        async with listening(redis.url, 1, UNHURRIED_LISTENER) as listener:
            hearing = asyncio.create_task(listener.hear(options=AS_SLOW_AS_SPEECH))
            await eventually(lambda: listener.heard_ms > 1_000, 20.0)
            await asyncio.to_thread(process.end, signal.SIGKILL)
            told = await hearing
            assert told.words == WORDS
            assert told.failovers == 0
