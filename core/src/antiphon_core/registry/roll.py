"""Roll: which workers of a shared registry count as alive. Pure: signs of life and one's own clock come in.

Clocks of other machines are never asked. A worker is alive while its beats go on counting; how long it may be silent
is measured here. While the registry itself cannot be read nobody is given up, and for a while after neither: those who
announce themselves need a moment to be back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from antiphon_core.registry.base import WorkerRecord
from antiphon_core.registry.documents import Beat

TTL_S = 3.5
"""A worker that is silent for so long counts as gone. It beats every second."""


@dataclass(slots=True)
class _Member:
    record: WorkerRecord
    revision: str
    number: int
    alive_s: float


class Roll:
    """Keeps the members by id; one address holds one of them."""

    def __init__(self) -> None:
        self._members: dict[str, _Member] = {}
        self._by_address: dict[str, str] = {}
        self._replaced: dict[str, _Member] = {}
        """Who another one took the address from, until the registry has forgotten them, too."""
        self._trusted_s: float | None = None
        self._answer: tuple[WorkerRecord, ...] | None = ()

    def workers(self) -> tuple[WorkerRecord, ...]:
        if self._answer is None:
            self._answer = tuple(member.record for member in self._members.values())
        return self._answer

    def unknown(self, beats: Iterable[Beat]) -> list[str]:
        """Those of whom no document is known, or an old one."""
        return [beat.worker_id for beat in beats if not (self._knows(beat) or self._is_past(beat))]

    def hear(self, beat: Beat, now_s: float) -> bool:
        """A sign of life. Whether `workers` answers differently from now on."""
        if beat.gone:
            return self._forget(beat.worker_id)
        if self._is_past(beat):
            return False
        member = self._members.get(beat.worker_id)
        if beat.record is not None and not self._knows(beat):
            self._enter(beat, beat.record, now_s)
            return True
        if member is None or not self._knows(beat) or beat.number <= member.number:
            return False
        member.number, member.alive_s = beat.number, now_s
        if beat.load == member.record.description.load:
            return False
        member.record = replace(member.record, description=replace(member.record.description, load=beat.load))
        self._answer = None
        return True

    def silent(self, now_s: float) -> list[str]:
        """Who would count as gone if the registry has no sign of life of them either."""
        since_s = now_s if self._trusted_s is None else self._trusted_s
        return [key for key, member in self._members.items() if now_s - max(member.alive_s, since_s) >= TTL_S]

    def lost_sight(self) -> None:
        """The registry cannot be read."""
        self._trusted_s = None

    def called(self, now_s: float) -> list[str]:
        """The registry was read, and everything heard. Those who count as gone from now on."""
        if self._trusted_s is None:
            self._trusted_s = now_s
        self._replaced = {key: one for key, one in self._replaced.items() if now_s - one.alive_s < 2 * TTL_S}
        gone = self.silent(now_s)
        for worker_id in gone:
            self._forget(worker_id)
        return gone

    @property
    def sees(self) -> bool:
        """Whether the registry could be read the last time."""
        return self._trusted_s is not None

    def names(self, worker_ids: Collection[str]) -> list[str]:
        return [self._members[key].record.description.worker for key in worker_ids if key in self._members]

    def _knows(self, beat: Beat) -> bool:
        member = self._members.get(beat.worker_id)
        return member is not None and member.revision == beat.revision

    def _is_past(self, beat: Beat) -> bool:
        """Whether it is the last beat of one that was replaced: a registry tells it for a while after the end."""
        replaced = self._replaced.get(beat.worker_id)
        return replaced is not None and beat.number <= replaced.number

    def _enter(self, beat: Beat, record: WorkerRecord, now_s: float) -> None:
        """Who is new at an address takes it over: it is the same worker, restarted."""
        former = self._by_address.get(record.address)
        if former is not None and former != beat.worker_id:
            self._replaced[former] = replace(self._members[former], alive_s=now_s)
            self._forget(former)
        self._replaced.pop(beat.worker_id, None)
        if (known := self._members.get(beat.worker_id)) is not None:
            self._by_address.pop(known.record.address, None)
        self._members[beat.worker_id] = _Member(record, beat.revision, beat.number, now_s)
        self._by_address[record.address] = beat.worker_id
        self._answer = None

    def _forget(self, worker_id: str) -> bool:
        member = self._members.pop(worker_id, None)
        if member is None:
            return False
        self._by_address.pop(member.record.address, None)
        self._answer = None
        return True
