"""Loading: how a model gets from disk or catalogue into memory, warmed up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from antiphon_core.errors import EngineStalled
from antiphon_core.models import AdapterSettings, Model, ModelInfo
from antiphon_core.registry.base import LoadProgress, LoadStage
from antiphon_core.store import CallbackProgress, StoreFiles
from antiphon_core.worker.plugins import Adapter
from antiphon_core.worker.threads import Slot, tell
from antiphon_core.worker.warmup import warm_up

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that has spoken once, the thread it did it in, and the gain that each voice needs."""

    model: Model
    slot: Slot
    gains_db: dict[str, float]


Report = Callable[[LoadProgress], None]


class Watched:
    """A load's progress, for any number of watchers. Who is slow misses stages, never the last one."""

    def __init__(self) -> None:
        self._progress = LoadProgress(LoadStage.LOADING)
        self._changed = asyncio.Event()

    def report(self, progress: LoadProgress) -> None:
        self._progress = progress
        # Whoever waits holds this event; whoever comes later waits for the next one.
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    @property
    def fetched_percent(self) -> int:
        """How much of its files is here, while they are fetched."""
        return self._progress.fetched_percent

    async def follow(self, task: asyncio.Task[object]) -> AsyncIterator[LoadProgress]:
        """Stages until the task is done; raises what it raises."""
        while not task.done():
            event = self._changed
            yield self._progress
            changed = asyncio.ensure_future(event.wait())
            try:
                await asyncio.wait({task, changed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
        task.result()
        yield LoadProgress(LoadStage.READY)


class Loader:
    """Loads models of one adapter, a few at a time. `timeout_s` bounds what an engine may take."""

    def __init__(
        self,
        adapter: Adapter,
        settings: AdapterSettings,
        files: StoreFiles,
        device: str,
        max_parallel: int,
        timeout_s: Callable[[], float],
    ) -> None:
        self._adapter = adapter
        self._settings = settings
        self._files = files
        self._device = device
        self._places = asyncio.Semaphore(max_parallel)
        self._timeout_s = timeout_s

    def list_models(self) -> tuple[ModelInfo, ...]:
        return self._adapter.list_models(self._settings)

    def is_here(self, info: ModelInfo) -> bool:
        """Whether loading it would fetch nothing."""
        return not info.files or self._files.have(info.files)

    async def load(self, info: ModelInfo, report: Report) -> Loaded:
        """The model, having spoken. All of it happens in the thread in which it will speak."""
        async with self._places:
            slot = Slot(f"speak-{info.id}")
            try:
                return await self._load(info, slot, report)
            except BaseException:
                slot.close()
                raise

    async def _load(self, info: ModelInfo, slot: Slot, report: Report) -> Loaded:
        if not self.is_here(info):
            report(LoadProgress(LoadStage.FETCHING))
            showing = _fetch_progress(report)
            await slot.run(lambda: self._files.get(info.files, showing))
        report(LoadProgress(LoadStage.LOADING))
        load = slot.run(lambda: self._adapter.load_model(info.id, self._device, self._settings))
        model = await self._in_time(load, f"model {info.id!r} does not load")
        report(LoadProgress(LoadStage.WARMING))
        try:
            gains_db = await self._in_time(slot.run(lambda: warm_up(model)), f"model {info.id!r} loads but hangs")
        except BaseException:
            # Behind what may still run in that thread; nobody waits for a thread that hangs.
            slot.run(model.close)
            raise
        return Loaded(model, slot, gains_db)

    async def _in_time(self, work: asyncio.Future[T], what: str) -> T:
        timeout_s = self._timeout_s()
        await asyncio.wait({work}, timeout=timeout_s)
        if not work.done():
            raise EngineStalled(f"{what}: no result after {timeout_s:g} s (load_timeout_s)")
        return work.result()


def _fetch_progress(report: Report) -> CallbackProgress:
    loop = asyncio.get_running_loop()

    def on_bytes(what: str, done_bytes: int, total_bytes: int) -> None:
        tell(loop, report, LoadProgress(LoadStage.FETCHING, done_bytes, total_bytes))

    return CallbackProgress(on_bytes, log.info)
