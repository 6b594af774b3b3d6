from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from antiphon_core.errors import BadSettings, WorkerGone
from antiphon_core.registry.base import Limits, Load, WorkerDescription
from antiphon_core.registry.describing import Describe
from antiphon_core.registry.static import SLOWEST_POLL_S, StaticFleet, wait_s
from antiphon_core.registry.urls import announcer_for, fleet_for
from antiphon_core.testkit.clock import VirtualClock


def description(name: str, incarnation: str = "1", in_flight: int = 0) -> WorkerDescription:
    return WorkerDescription(name, "scripted", "cpu", incarnation, (), "", Load(in_flight), Limits())


class World:
    """Workers at addresses; one that is None does not answer."""

    def __init__(self, **workers: WorkerDescription | None) -> None:
        self.workers = workers
        self.clock = VirtualClock()
        self.asked: list[tuple[float, str]] = []
        self.open = 0
        self.fleet = StaticFleet([*workers], self._describing, self.clock.sleep)
        self.changes: list[list[str]] = []
        self.unsubscribe = self.fleet.subscribe(lambda: self.changes.append(self.names()))

    def names(self) -> list[str]:
        return [record.description.worker for record in self.fleet.workers()]

    @asynccontextmanager
    async def _describing(self) -> AsyncIterator[Describe]:
        self.open += 1
        try:
            yield self._describe
        finally:
            self.open -= 1

    async def _describe(self, address: str) -> WorkerDescription:
        self.asked.append((self.clock(), address))
        worker = self.workers[address]
        if worker is None:
            raise WorkerGone("nobody there")
        return worker


@asynccontextmanager
async def running(world: World) -> AsyncIterator[None]:
    task = asyncio.create_task(world.fleet.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert world.open == 0
    assert len(asyncio.all_tasks()) == 1


async def test_workers_that_answer_are_there_in_the_order_of_their_addresses() -> None:
    world = World(b=description("second"), a=description("first"), c=None)
    async with running(world):
        await world.clock.run_for(0.1)
        assert world.names() == ["second", "first"]
        assert [record.address for record in world.fleet.workers()] == ["b", "a"]


async def test_a_worker_that_does_not_answer_twice_is_gone_and_comes_back_when_it_does() -> None:
    world = World(a=description("first"))
    async with running(world):
        await world.clock.run_for(0.1)
        world.workers["a"] = None
        await world.clock.run_for(1)
        assert world.names() == ["first"]
        await world.clock.run_for(1)
        assert world.names() == []
        world.workers["a"] = description("first", incarnation="2")
        await world.clock.run_for(2)
        assert world.fleet.workers()[0].description.incarnation == "2"
    assert world.changes == [["first"], [], ["first"]]


async def test_a_single_miss_changes_nothing() -> None:
    world = World(a=description("first"))
    async with running(world):
        for answer in (None, description("first"), None, description("first")):
            world.workers["a"] = answer
            await world.clock.run_for(1)
        assert world.names() == ["first"]
    assert world.changes == [["first"]]


async def test_subscribers_hear_of_changes_and_of_nothing_else() -> None:
    world = World(a=description("first"))
    async with running(world):
        await world.clock.run_for(5)
        assert len(world.changes) == 1
        world.workers["a"] = description("first", in_flight=1)
        await world.clock.run_for(5)
        assert len(world.changes) == 2
        world.unsubscribe()
        world.workers["a"] = description("first", in_flight=2)
        await world.clock.run_for(5)
    assert len(world.changes) == 2
    assert world.fleet.workers()[0].description.load.in_flight == 2


async def test_an_address_where_nobody_is_is_asked_less_and_less_but_never_given_up() -> None:
    world = World(a=None)
    async with running(world):
        await world.clock.run_for(60)
    waits = [later - earlier for (earlier, _), (later, _) in zip(world.asked, world.asked[1:], strict=False)]
    assert waits[:4] == [1, 1, 2, 4]
    assert set(waits[4:]) == {SLOWEST_POLL_S}
    assert wait_s(10_000) == SLOWEST_POLL_S


async def test_a_fault_of_ours_ends_the_watch_instead_of_hiding() -> None:
    world = World(a=description("first"))
    world.fleet.subscribe(lambda: 1 / 0)  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        await world.fleet.run()


async def test_an_address_named_twice_is_one_worker() -> None:
    world = World(a=description("first"))
    world.fleet = StaticFleet(["a", "a"], world._describing, world.clock.sleep)
    async with running(world):
        await world.clock.run_for(0.1)
    assert world.names() == ["first"]


def test_a_fleet_is_made_from_a_url() -> None:
    fleet = fleet_for("static://one:50051, two:50052,")
    assert isinstance(fleet, StaticFleet)
    assert fleet._addresses == ("one:50051", "two:50052")


@pytest.mark.parametrize("url", ["static://", "static:// , "])
def test_a_fleet_without_an_address_is_refused(url: str) -> None:
    with pytest.raises(BadSettings, match="names no worker; write static://HOST:PORT"):
        fleet_for(url)


@pytest.mark.parametrize("url", ["", "localhost:50051", "zookeeper://one"])
def test_a_registry_of_an_unknown_kind_is_refused(url: str) -> None:
    for make in (fleet_for, announcer_for):
        with pytest.raises(BadSettings, match="there is no registry like") as unknown:
            make(url)
        assert unknown.value.allowed


async def test_a_worker_under_static_announces_nowhere_and_waits_for_its_end() -> None:
    announcing = asyncio.create_task(announcer_for("static://").run("here:1", lambda: description("first")))
    await asyncio.sleep(0)
    announcing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await announcing
