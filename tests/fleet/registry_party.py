"""A watcher and workers over one registry, for the tests of what may happen to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from antiphon_core.models import ModelInfo, VoiceInfo
from antiphon_core.registry.base import Fleet, Limits, Load, ModelState, ModelStatus, WorkerDescription
from antiphon_core.registry.urls import announcer_for, fleet_for

MODEL = ModelInfo("m", (VoiceInfo("a", ("en",)),), 24_000, "Apache-2.0", 1)


def description(name: str) -> WorkerDescription:
    statuses = (ModelStatus(MODEL, ModelState.RESIDENT),)
    return WorkerDescription(name, "scripted", "cpu", f"id-{name}", statuses, "m", Load(), Limits())


@dataclass
class RegistryParty:
    """`lost`: whether a worker was ever missing since all were there."""

    fleet: Fleet
    workers: set[str]
    lost: bool = False

    def names(self) -> set[str]:
        return {record.description.worker for record in self.fleet.workers()}

    @property
    def complete(self) -> bool:
        return self.workers <= self.names()


@asynccontextmanager
async def party(url: str, *names: str) -> AsyncIterator[RegistryParty]:
    """Workers that announce themselves, and a watcher who has seen them all."""
    fleet = fleet_for(url)
    here = RegistryParty(fleet, set(names))
    running = [asyncio.create_task(fleet.run())]
    running += [
        asyncio.create_task(announcer_for(url).run(f"{name}:1", lambda name=name: description(name)))  # type: ignore[misc]
        for name in names
    ]
    try:
        await until(lambda: here.complete)

        def check() -> None:
            here.lost = here.lost or not here.complete

        forget = fleet.subscribe(check)
        yield here
        forget()
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)


async def until(condition: Callable[[], object], limit_s: float = 20.0) -> None:
    """Returns once it holds."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def sees_all(url: str, names: set[str], limit_s: float = 20.0) -> None:
    """A watcher who comes now sees them all, soon."""
    fleet = fleet_for(url)
    running = asyncio.create_task(fleet.run())
    try:
        await until(lambda: {record.description.worker for record in fleet.workers()} == names, limit_s)
    finally:
        running.cancel()
        await asyncio.wait({running})
