"""Static registry: workers at addresses that were written down; no server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import structlog

from antiphon_core.errors import AntiphonError, Untrusted
from antiphon_core.registry.base import WorkerRecord
from antiphon_core.registry.describing import Describe, describing
from antiphon_core.tasks import run_for_ever

log = structlog.get_logger(__name__)

POLL_S = 1.0
MISSES = 2
"""So many unanswered questions in a row, and a worker counts as gone."""
SLOWEST_POLL_S = 5.0


class StaticFleet:
    """Asks every address again and again who is there. Implements `base.Fleet`."""

    def __init__(
        self,
        addresses: Sequence[str],
        describing: Callable[[], AbstractAsyncContextManager[Describe]] = describing,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        *,
        tls: bool = False,
    ) -> None:
        self._addresses = tuple(dict.fromkeys(addresses))
        self._describing = describing
        self._sleep = sleep
        self._tls = tls
        self._records: dict[str, WorkerRecord] = {}
        self._subscribers: list[Callable[[], None]] = []

    def workers(self) -> tuple[WorkerRecord, ...]:
        return tuple(self._records[address] for address in self._addresses if address in self._records)

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self._subscribers.append(changed)
        return lambda: self._subscribers.remove(changed)

    @property
    def reachable(self) -> bool:
        return True

    async def run(self) -> None:
        async with self._describing() as describe:
            await run_for_ever(*(self._follow(address, describe) for address in self._addresses))

    async def _follow(self, address: str, describe: Describe) -> None:
        misses = 0
        while True:
            try:
                description = await describe(address)
            except AntiphonError as error:
                misses += 1
                if misses == MISSES:
                    # One that has not answered yet is most likely still starting.
                    tell = log.warning if address in self._records or isinstance(error, Untrusted) else log.info
                    tell("worker does not answer", address=address, reason=error.message)
                    self._note(address, None)
            else:
                misses = 0
                self._note(address, WorkerRecord(address, description, self._tls))
            await self._sleep(wait_s(misses))

    def _note(self, address: str, record: WorkerRecord | None) -> None:
        if record == self._records.get(address):
            return
        if record is None:
            del self._records[address]
        else:
            self._records[address] = record
        for changed in tuple(self._subscribers):
            changed()


def wait_s(misses: int) -> float:
    """Until the next question: twice as long with each miss after a worker counts as gone."""
    doublings = min(max(0, misses - MISSES), 16)
    return min(SLOWEST_POLL_S, POLL_S * 2.0**doublings)
