"""Circuit breaker: a worker that fails gets no utterances for a while, longer each time. Pure: time comes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from antiphon_core.errors import AntiphonError, EngineFailed, EngineStalled, WorkerGone
from antiphon_core.registry.base import WorkerRecord

ENGINE_FAILURES = 3
"""So many utterances in a row: a single one may have failed by its text."""
FIRST_REST_S, LONGEST_REST_S = 1.0, 30.0


@dataclass(slots=True)
class _History:
    incarnation: str
    failures: int = 0
    rests: int = 0
    until_s: float = 0.0


class Breaker:
    """Remembers failures by address, until a success or another worker there."""

    def __init__(self) -> None:
        self._histories: dict[str, _History] = {}

    def failed(self, record: WorkerRecord, error: AntiphonError, now_s: float) -> None:
        """A worker that is full or about to end did nothing wrong."""
        if not isinstance(error, WorkerGone | EngineStalled | EngineFailed):
            return
        history = self._histories.get(record.address)
        if history is None or history.incarnation != record.description.incarnation:
            history = self._histories[record.address] = _History(record.description.incarnation)
        history.failures += 1
        if history.failures >= ENGINE_FAILURES or not isinstance(error, EngineFailed):
            rest_s: float = FIRST_REST_S * 2.0**history.rests
            history.until_s = now_s + min(LONGEST_REST_S, rest_s)
            history.rests = min(history.rests + 1, 16)

    def succeeded(self, record: WorkerRecord) -> None:
        self._histories.pop(record.address, None)

    def resting(self, fleet: Sequence[WorkerRecord], now_s: float) -> frozenset[str]:
        """Addresses of those that rest now."""
        if not self._histories:
            return frozenset()
        incarnations = {
            record.address: record.description.incarnation for record in fleet if record.address in self._histories
        }
        # Who has left the fleet and rests no more is forgotten: fleets come and go, the memory stays small.
        self._histories = {
            address: history
            for address, history in self._histories.items()
            if incarnations.get(address, history.incarnation) == history.incarnation
            and (address in incarnations or history.until_s > now_s)
        }
        return frozenset(address for address, history in self._histories.items() if history.until_s > now_s)
