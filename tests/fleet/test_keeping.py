"""What several servers keep together in a Redis: it expires, has one holder, and an outage is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings
from antiphon_core.testkit.redis_server import RedisServer
from antiphon_orchestrator.keeping.base import KeepGone
from antiphon_orchestrator.keeping.choice import keep_for
from antiphon_orchestrator.keeping.in_redis import InRedis
from redis import Redis
from registry_party import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


async def test_whoever_takes_it_is_the_only_one_who_may_change_it(redis: RedisServer) -> None:
    one, other = InRedis(redis.url), InRedis(redis.url)
    assert await one.put("key", "one", "öld", 60)
    assert await other.take("key", "other") == "öld"
    assert not await one.put("key", "one", "stale", 60)
    assert await other.put("key", "other", "new", 60)
    assert await one.take("key", "one") == "new"
    await one.forget("key")
    assert await other.take("key", "other") is None
    await one.aclose()
    await other.aclose()


async def test_it_expires_and_to_keep_it_again_is_to_keep_it_longer(redis: RedisServer) -> None:
    keep = InRedis(redis.url)
    assert await keep.put("key", "one", "text", 60)
    with Redis(port=redis.port) as client:
        client.pexpire("antiphon:kept:key", 1_000)
        assert await keep.put("key", "one", "text", 60)
        assert client.pttl("antiphon:kept:key") > 50_000
        assert await keep.put("key", "one", "text", 0.05)
        await until(lambda: not client.exists("antiphon:kept:key"))
    assert await keep.take("key", "one") is None
    await keep.aclose()


async def test_namespaces_keep_deployments_apart(redis: RedisServer) -> None:
    one, other = InRedis(f"{redis.url}?namespace=one"), InRedis(f"{redis.url}?namespace=other")
    assert await one.put("key", "", "text", 60)
    assert await other.take("key", "") is None
    await one.aclose()
    await other.aclose()


async def test_an_outage_is_told_in_time_and_heals(redis: RedisServer) -> None:
    keep = InRedis(redis.url)
    assert await keep.put("key", "one", "text", 60)
    redis.pause()
    with pytest.raises(KeepGone):
        async with asyncio.timeout(10):
            await keep.take("key", "one")
    redis.go_on()
    assert await keep.take("key", "one") == "text"
    redis.kill()
    with pytest.raises(KeepGone):
        await keep.take("key", "one")
    redis.start()
    assert await keep.put("key", "one", "text", 60)
    await keep.aclose()


def test_what_is_no_redis_is_refused() -> None:
    with pytest.raises(BadSettings, match="is no Redis"):
        keep_for("static://host:1")
