"""Residents: the models in memory; loads them on demand, leases them out, and lets them go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from antiphon_core.errors import AntiphonError, CannotLoad, EngineStalled, Full, condition
from antiphon_core.models import ModelInfo
from antiphon_core.registry.base import LoadProgress, LoadStage, ModelState, ModelStatus, Reloaded
from antiphon_core.tasks import Tasks
from antiphon_core.worker.eviction import Policy, Tenant, judge
from antiphon_core.worker.loading import Loader, Watched
from antiphon_core.worker.metrics import Metrics
from antiphon_core.worker.report import CANCELLED
from antiphon_core.worker.resident import Lease, Resident
from antiphon_core.worker.threads import in_thread
from antiphon_core.worker.voices import known_model

log = structlog.get_logger(__name__)

SWEEP_S = 1.0
ROOM_WAIT_S = 3.0
"""How long a load waits for running utterances to make room."""
CLOSE_S = 2.0
"""How long the end of the worker waits for engines to let go."""
RETRY_LOAD_S = 5.0
"""For so long a failed load's error answers in place of another try."""


@dataclass(frozen=True, slots=True)
class _Load:
    """A load in progress, and the room it has been promised."""

    task: asyncio.Task[Resident]
    watched: Watched


class Residents:
    """All methods run on the event loop; engines are called in threads only."""

    def __init__(
        self,
        loader: Loader,
        policy: Callable[[], Policy],
        metrics: Metrics,
        stalled: Callable[[str], None],
        pinned: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.models: dict[str, ModelInfo] = {}
        self._loader = loader
        self._policy = policy
        self._metrics = metrics
        self._stalled = stalled
        self._pinned = pinned
        self._clock = clock
        self._here: dict[str, bool] = {}
        self._residents: dict[str, Resident] = {}
        self._leaving: set[Resident] = set()
        self._loads: dict[str, _Load] = {}
        self._reserved: dict[str, Tenant] = {}
        self._failures: dict[str, tuple[float, AntiphonError]] = {}
        self._freed = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._tasks = Tasks(_report)

    def tenants(self) -> list[Tenant]:
        """What takes memory now. May be asked from any thread."""
        return self._tenants()

    def statuses(self) -> tuple[ModelStatus, ...]:
        return tuple(
            ModelStatus(info, self._state(info), self._fetched_percent(info.id)) for info in self.models.values()
        )

    async def lease(self, model_id: str) -> Lease:
        """The model, loaded if need be; it stays in memory until the lease is released."""
        while True:
            resident = self._residents.get(model_id)
            if resident is not None:
                return resident.lease(self._released)
            self._raise_recent_failure(model_id)
            await asyncio.shield(self._begin(model_id).task)

    async def load(self, model_id: str) -> AsyncIterator[LoadProgress]:
        """Makes a model resident; the last stage is READY."""
        known_model(model_id, self.models)
        if model_id in self._residents:
            yield LoadProgress(LoadStage.READY)
            return
        load = self._begin(model_id)
        async for progress in load.watched.follow(load.task):
            yield progress

    async def unload(self, model_id: str) -> bool:
        """Lets a model go once its utterances have ended. Whether it was in memory."""
        known_model(model_id, self.models)
        if model_id in self._loads:
            await asyncio.wait({self._loads[model_id].task})
        resident = self._residents.get(model_id)
        if resident is None:
            return False
        self._retire(resident)
        await resident.closed.wait()
        return True

    async def reload(self) -> Reloaded:
        """Lists the models anew, and swaps the resident ones whose files changed. One reload at a time."""
        async with self._reloading:
            before = self.models
            await self.list_models()
            for resident in [r for key, r in self._residents.items() if key not in self.models]:
                self._retire(resident)
            changed = [key for key, r in self._residents.items() if r.info.revision != self.models[key].revision]
            for model_id in changed:
                await asyncio.shield(self._begin(model_id).task)
            return Reloaded(_missing(self.models, before), _missing(before, self.models), tuple(changed))

    async def list_models(self) -> None:
        infos = await in_thread("list-models", self._loader.list_models)
        self.models = {info.id: info for info in infos}
        self._here = {info.id: self._loader.is_here(info) for info in infos}
        self._failures.clear()

    async def run(self) -> None:
        """Lets idle models go, until cancelled."""
        while True:
            self.sweep()
            await asyncio.sleep(SWEEP_S)

    def sweep(self) -> None:
        self._evict(judge(self._tenants(), self._policy(), self._clock()).leave)

    async def close(self) -> bool:
        """Lets go of everything, and gives up on what does not end in time. Whether all of it is closed."""
        for load in tuple(self._loads.values()):
            load.task.cancel()
        for resident in tuple(self._residents.values()):
            self._retire(resident)
        leaving = [asyncio.ensure_future(resident.closed.wait()) for resident in self._leaving]
        if leaving:
            await asyncio.wait(leaving, timeout=CLOSE_S)
        clean = not self._leaving and not self._loads
        await self._tasks.close()
        for waiting in leaving:
            waiting.cancel()
        return clean

    # Coming in.

    def _begin(self, model_id: str) -> _Load:
        load = self._loads.get(model_id)
        if load is None:
            watched = Watched()
            task = self._tasks.start(self._bring_in(self.models[model_id], watched), f"load-{model_id}")
            load = self._loads[model_id] = _Load(task, watched)
            task.add_done_callback(lambda _: self._loads.pop(model_id))
        return load

    async def _bring_in(self, info: ModelInfo, watched: Watched) -> Resident:
        began_s = self._clock()
        outcome = CANCELLED
        try:
            await self._make_room(info)
            loaded = await self._loader.load(info, watched.report)
            outcome = "ok"
        except AntiphonError as error:
            outcome = condition(error)
            if not isinstance(error, Full):
                self._failures[info.id] = (self._clock() + RETRY_LOAD_S, error)
            if isinstance(error, EngineStalled):
                self._stalled(info.id)
            raise
        finally:
            self._reserved.pop(info.id, None)
            self._metrics.load_ended(info.id, outcome, self._clock() - began_s)
        log.info("model loaded", model=info.id, took_s=round(self._clock() - began_s, 3))
        self._here[info.id] = True
        resident = Resident(loaded, self._clock(), info.id in self._pinned)
        old = self._residents.pop(info.id, None)
        self._residents[info.id] = resident
        if old is not None:
            self._retire(old)
        return resident

    async def _make_room(self, info: ModelInfo) -> None:
        """Reserves room, and waits until those who leave for it have left."""
        deadline_s = self._clock() + ROOM_WAIT_S
        while True:
            now_s = self._clock()
            verdict = judge(self._tenants(without=info.id), self._policy(), now_s, info.size_bytes)
            self._evict(verdict.leave)
            if verdict.fits:
                break
            if verdict.never:
                raise CannotLoad(
                    f"model {info.id!r} takes {info.size_bytes} bytes, more than max_resident_bytes allows in all",
                    subject=info.id,
                )
            if now_s >= deadline_s:
                raise _no_room(info, verdict.retry_after_s)
            await self._room(min(deadline_s - now_s, verdict.retry_after_s or ROOM_WAIT_S))
        self._reserved[info.id] = Tenant(info.id, info.size_bytes, now_s, now_s, in_use=True)
        await asyncio.gather(*(r.closed.wait() for r in self._leaving if not r.leases))

    async def _room(self, wait_s: float) -> None:
        """Waits until a lease has ended."""
        self._freed.clear()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._freed.wait(), wait_s)

    def _tenants(self, without: str = "") -> list[Tenant]:
        """A model on its way out counts while it speaks; one that is replaced by the newcomer does not."""
        staying = [resident for key, resident in tuple(self._residents.items()) if key != without]
        leaving = [resident for resident in tuple(self._leaving) if resident.leases]
        return [*self._reserved.values(), *(resident.tenant() for resident in (*staying, *leaving))]

    def _raise_recent_failure(self, model_id: str) -> None:
        until_s, error = self._failures.get(model_id, (0.0, None))
        if error is not None and self._clock() < until_s:
            raise error.with_traceback(None)

    # Going.

    def _evict(self, model_ids: tuple[str, ...]) -> None:
        for model_id in model_ids:
            log.info("model evicted", model=model_id)
            self._retire(self._residents[model_id])

    def _retire(self, resident: Resident) -> None:
        resident.retired = True
        self._leaving.add(resident)
        if self._residents.get(resident.info.id) is resident:
            del self._residents[resident.info.id]
        if not resident.leases:
            self._start_close(resident)

    def _released(self, lease: Lease) -> None:
        resident = lease.resident
        resident.give_back(lease.slot, self._clock())
        if resident.retired and not resident.leases:
            self._start_close(resident)
        self._freed.set()

    def _start_close(self, resident: Resident) -> None:
        self._tasks.start(self._close(resident), f"unload-{resident.info.id}")

    async def _close(self, resident: Resident) -> None:
        try:
            await resident.close()
        finally:
            self._leaving.discard(resident)
            self._freed.set()
            self._metrics.model_unloaded(resident.info.id)
            log.info("model unloaded", model=resident.info.id)

    def _state(self, info: ModelInfo) -> ModelState:
        if info.id in self._residents:
            return ModelState.RESIDENT
        if info.id in self._loads:
            return ModelState.LOADING
        return ModelState.AVAILABLE if self._here[info.id] else ModelState.REMOTE

    def _fetched_percent(self, model_id: str) -> int:
        load = self._loads.get(model_id)
        return load.watched.fetched_percent if load else 0


def _no_room(info: ModelInfo, retry_after_s: float | None) -> Full:
    wait = "utterances are running on those in memory" if retry_after_s is None else "those in memory have just come"
    return Full(
        f"there is no room to load model {info.id!r} now: {wait}; try again, or raise max_resident and "
        "max_resident_bytes",
        subject=info.id,
        retry_after_ms=int((retry_after_s or 1.0) * 1000),
    )


def _missing(of: dict[str, ModelInfo], among: dict[str, ModelInfo]) -> tuple[str, ...]:
    return tuple(model_id for model_id in of if model_id not in among)


def _report(task: str, error: BaseException) -> None:
    log.error("failed", task=task, error=str(error), exc_info=None if isinstance(error, AntiphonError) else error)
