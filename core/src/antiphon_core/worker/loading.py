"""Loading: how a model gets from disk or catalogue into memory, warmed up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from antiphon_core.errors import AntiphonError, CannotLoad
from antiphon_core.models import AdapterSettings, Model, ModelInfo, SpeechRequest
from antiphon_core.registry.base import LoadProgress, LoadStage
from antiphon_core.worker.plugins import Adapter
from antiphon_core.worker.threads import Slot

WARM_UP_TEXT = "The quick brown fox jumps over the lazy dog."


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

    async def follow(self, task: asyncio.Task[object]) -> AsyncIterator[LoadProgress]:
        """Stages until the task is done; raises what it raises."""
        while not task.done():
            changed = asyncio.ensure_future(self._changed.wait())
            yield self._progress
            try:
                await asyncio.wait({task, changed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
        task.result()
        yield LoadProgress(LoadStage.READY)


class Loader:
    """Loads models of one adapter, a few at a time."""

    def __init__(self, adapter: Adapter, settings: AdapterSettings, device: str, max_parallel: int) -> None:
        self._adapter = adapter
        self._settings = settings
        self._device = device
        self._places = asyncio.Semaphore(max_parallel)

    def list_models(self) -> tuple[ModelInfo, ...]:
        return self._adapter.list_models(self._settings)

    def is_here(self, info: ModelInfo) -> bool:
        """Whether loading it would fetch nothing."""
        return not info.files or self._settings.files.have(info.files)

    async def load(self, info: ModelInfo, report: Report) -> Loaded:
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
            await slot.run(lambda: self._settings.files.get(info.files))
        report(LoadProgress(LoadStage.LOADING))
        model = await slot.run(lambda: self._adapter.load_model(info.id, self._device, self._settings))
        report(LoadProgress(LoadStage.WARMING))
        try:
            gains_db = await slot.run(lambda: warm_up(model))
        except BaseException:
            await slot.run(model.close)
            raise
        return Loaded(model, slot, gains_db)


def warm_up(model: Model) -> dict[str, float]:
    """Speaks a sentence, so that the first caller does not wait for what engines do at their first words."""
    info = model.info
    voice = info.voice("")
    request = SpeechRequest(WARM_UP_TEXT, voice.id, voice.languages[0] if voice.languages else "und")
    try:
        chunks = list(model.synthesize(request))
    except AntiphonError:
        raise
    except Exception as error:
        raise CannotLoad(
            f"model {info.id!r} loads but cannot speak: {type(error).__name__}: {error}", subject=info.id
        ) from error
    if not any(len(chunk.samples) for chunk in chunks):
        raise CannotLoad(f"model {info.id!r} loads but says nothing", subject=info.id)
    return {}
