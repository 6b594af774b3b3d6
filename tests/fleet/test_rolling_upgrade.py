"""Two servers and two workers are replaced one after the other, under ten conversations: nobody loses a word."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from antiphon_core.testkit.redis_server import RedisServer
from registry_party import sees_all, until
from servers import Caller, said, server
from workers import WorkerProcess, workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CALLERS = 10
SENTENCES = (
    "Seven old friends quietly walked home.",
    "They were singing about summer and distant hills.",
    "Nobody noticed when the moon rose.",
    "A dozen lanterns lit the winding river.",
)


async def converse(caller: Caller, upgraded: asyncio.Event) -> list[str]:
    """Talks until the upgrade is over, and a little longer. All that was said."""
    spoken: list[str] = []
    last_words = 2
    while last_words:
        last_words -= upgraded.is_set()
        sentence = SENTENCES[len(spoken) % len(SENTENCES)]
        spoken.append(sentence)
        await caller.say(sentence)
    return spoken


async def replaced_worker(redis: RedisServer, old: WorkerProcess, stack: AsyncExitStack) -> None:
    """The new one is there before the old one goes."""
    (new,) = await stack.enter_async_context(workers(redis.url, 1))
    await until(lambda: new.address)
    await asyncio.sleep(2.0)
    old.send(signal.SIGTERM)
    assert await old.ended() == 0


async def test_a_rolling_upgrade_loses_no_word_and_no_conversation(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        flags = ("--keep", redis.url, "--resume-s", "120", "--drain-s", "60")
        async with AsyncExitStack() as stack:
            old_workers = await stack.enter_async_context(workers(redis.url, 2))
            await sees_all(redis.url, {worker.name for worker in old_workers})
            old = [await stack.enter_async_context(server(redis.url, *flags)) for _ in range(2)]
            addresses = [one.address for one in old]
            callers = [Caller(addresses[number % 2 :] + addresses[: number % 2]) for number in range(CALLERS)]
            upgraded = asyncio.Event()
            talking = [asyncio.create_task(converse(caller, upgraded)) for caller in callers]

            for worker in old_workers:
                await replaced_worker(redis, worker, stack)
            for leaving in old:
                new = await stack.enter_async_context(server(redis.url, *flags))
                for caller in callers:
                    caller.addresses.append(new.address)
                leaving.send(signal.SIGTERM)
                assert await leaving.ended() == 0
            upgraded.set()

            for caller, spoken in zip(callers, await asyncio.gather(*talking), strict=True):
                assert caller.answers == said(spoken)
                assert caller.closes
                assert set(caller.closes) == {1012}
                assert len(await caller.history()) == len(spoken)
                await caller.close()


async def test_a_server_that_is_killed_costs_a_connection_and_no_conversation(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        flags = ("--keep", redis.url, "--resume-s", "120")
        async with (
            workers(redis.url, 1),
            server(redis.url, *flags) as first,
            server(redis.url, *flags) as second,
        ):
            caller = Caller([first.address, second.address])
            await caller.say(SENTENCES[0])
            await asyncio.sleep(1.0)
            first.send(signal.SIGKILL)
            await caller.say(SENTENCES[1])
            assert caller.answers == said(SENTENCES[:2])
            assert len(await caller.history()) == 2
            await caller.close()
