"""Warm-up: has a worker load a model that is wanted, while another voice speaks for it."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from antiphon_core.errors import AntiphonError
from antiphon_core.tasks import Tasks

from antiphon_orchestrator.speech.client import SpeechClient
from antiphon_orchestrator.speech.router import Route

log = structlog.get_logger(__name__)

AGAIN_S = 10.0
"""So long after a load another one is not asked for: it failed, or the registry has yet to tell that it did not."""
_AT_ONCE = 4


class WarmUp:
    """One load for each model at a time. `close` gives up on those that run."""

    def __init__(self, client: SpeechClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._loading: set[str] = set()
        self._ended_s: dict[str, float] = {}
        self._tasks = Tasks(lambda name, error: log.error("warm-up broke", task=name, reason=repr(error)))

    def begin(self, route: Route) -> None:
        """Does nothing if the model is being loaded already, or has just been."""
        model = route.voice.partition("/")[0]
        ended_s = self._ended_s.get(model)
        recent = ended_s is not None and self._clock() - ended_s < AGAIN_S
        if recent or model in self._loading or len(self._loading) >= _AT_ONCE:
            return
        self._loading.add(model)
        self._tasks.start(self._load(route, model), f"load {model}")

    async def close(self) -> None:
        await self._tasks.close()

    async def _load(self, route: Route, model: str) -> None:
        log.info("model is wanted", model=model, worker=route.record.description.worker)
        try:
            await self._client.load(route.record, model)
        except AntiphonError as error:
            log.warning("model cannot be loaded", model=model, reason=error.message)
        finally:
            self._loading.discard(model)
            self._ended_s[model] = self._clock()
