"""What is kept in memory expires, has one holder, and does not fill the memory."""

from __future__ import annotations

from antiphon_orchestrator.keeping.in_memory import InMemory


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


async def test_what_is_kept_expires() -> None:
    clock = Clock()
    keep = InMemory(clock)
    assert await keep.put("key", "one", "text", 60)
    clock.now_s += 59
    assert await keep.take("key", "one") == "text"
    clock.now_s += 1
    assert await keep.take("key", "one") is None
    assert len(keep) == 0


async def test_to_keep_it_again_is_to_keep_it_longer() -> None:
    clock = Clock()
    keep = InMemory(clock)
    for _ in range(3):
        assert await keep.put("key", "one", "text", 60)
        clock.now_s += 50
    assert await keep.take("key", "one") == "text"


async def test_whoever_takes_it_is_the_only_one_who_may_change_it() -> None:
    keep = InMemory()
    assert await keep.put("key", "one", "old", 60)
    assert await keep.take("key", "other") == "old"
    assert not await keep.put("key", "one", "stale", 60)
    assert await keep.put("key", "other", "new", 60)
    assert await keep.take("key", "other") == "new"


async def test_what_would_expire_soonest_makes_room() -> None:
    keep = InMemory(max_chars=10)
    for key, ttl_s in (("a", 30), ("b", 10), ("c", 20)):
        assert await keep.put(key, "", "1234", ttl_s)
    assert [key for key in "abc" if await keep.take(key, "")] == ["a", "c"]


async def test_what_is_forgotten_is_gone() -> None:
    keep = InMemory()
    await keep.put("key", "one", "text", 60)
    await keep.forget("key")
    await keep.forget("key")
    assert await keep.take("key", "one") is None
