"""Workers for the tests of registries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from antiphon_core.models import Capability, ModelInfo, VoiceInfo
from antiphon_core.registry.base import Announcer, Fleet, Limits, Load, ModelState, ModelStatus, WorkerDescription

MODEL = ModelInfo(
    id="m",
    voices=(VoiceInfo("a", ("en", "de-CH"), "the first"), VoiceInfo("b", ("fr",))),
    native_rate_hz=24_000,
    licence="Apache-2.0",
    size_bytes=7,
    max_concurrency=3,
    capabilities=frozenset({Capability.SPEED, Capability.CLONING}),
)


def description(name: str = "w", incarnation: str = "", in_flight: int = 0) -> WorkerDescription:
    statuses = (ModelStatus(MODEL, ModelState.RESIDENT), ModelStatus(replace(MODEL, id="n"), ModelState.REMOTE))
    load = Load(in_flight, 1, 1_000, 12.5, 0.25)
    return WorkerDescription(
        name,
        "scripted",
        "cuda:0",
        incarnation or f"id-of-{name}",
        statuses,
        "m",
        load,
        Limits(1, 2, 3, 4),
        "0.1",
        "0.2",
    )


class Announced:
    """A worker that says what it is to be told of it."""

    def __init__(self, announcer: Announcer, address: str, now: WorkerDescription) -> None:
        self.now = now
        self._announcer = announcer
        self._address = address
        self._running = asyncio.create_task(announcer.run(address, lambda: self.now))

    async def end(self) -> None:
        self._running.cancel()
        await asyncio.wait({self._running})

    async def die(self) -> None:
        """Ends as a killed process does: without a word."""

        async def nothing(*_: object) -> None: ...

        self._announcer._withdraw = nothing  # type: ignore[attr-defined]
        await self.end()


@asynccontextmanager
async def following(fleet: Fleet) -> AsyncIterator[None]:
    running = asyncio.create_task(fleet.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait({running})


def names(fleet: Fleet) -> list[str]:
    return sorted(record.description.worker for record in fleet.workers())


async def eventually(condition: Callable[[], object], limit_s: float = 10.0) -> None:
    """Returns once it holds."""

    async def poll() -> None:
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), limit_s)
