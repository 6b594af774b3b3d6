"""Service: what a worker does for its clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from antiphon_core.registry.base import LoadProgress, ModelStatus, Reloaded, WorkerDescription
from antiphon_core.utterance import UtteranceMessage
from antiphon_core.wire.servicer import Send
from antiphon_core.worker.report import Report
from antiphon_core.worker.utterances import Stage, Utterance


class Service:
    """Takes utterances until it drains."""

    def __init__(
        self, stage: Stage, describe: Callable[[], WorkerDescription], ended: Callable[[Report], None]
    ) -> None:
        self._stage = stage
        self._describe = describe
        self._ended = ended
        self._streams = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def synthesize(self, messages: AsyncIterator[UtteranceMessage], send: Send) -> None:
        self._streams += 1
        self._quiet.clear()
        utterance = Utterance(self._stage, messages, send)
        try:
            await utterance.run()
        finally:
            self._ended(utterance.report)
            self._streams -= 1
            if not self._streams:
                self._quiet.set()

    async def quiet(self) -> None:
        """Returns when no stream runs."""
        await self._quiet.wait()

    def models(self) -> tuple[ModelStatus, ...]:
        return self._stage.residents.statuses()

    async def load_model(self, model_id: str) -> AsyncIterator[LoadProgress]:
        self._stage.admission.check_open()
        async for progress in self._stage.residents.load(model_id):
            yield progress

    async def unload_model(self, model_id: str) -> bool:
        return await self._stage.residents.unload(model_id)

    async def reload(self) -> Reloaded:
        self._stage.admission.check_open()
        return await self._stage.residents.reload()

    def describe(self) -> WorkerDescription:
        return self._describe()
