"""Trust: which workers this server speaks to at all: over TLS to those that speak it, or without to the others."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from antiphon_core.registry.base import Fleet, WorkerRecord

log = structlog.get_logger(__name__)

PLAIN_WORKER = (
    "speaks without TLS, and this server to nobody without; give it --tls-cert, --tls-key and --tls-client-ca"
)
TLS_WORKER = "speaks only over TLS; give this server --fleet-ca, --fleet-cert and --fleet-key"


class TrustedFleet:
    """Implements `Fleet` without those whose registry entry says that they speak otherwise. They are never dialled."""

    def __init__(self, fleet: Fleet, *, tls: bool) -> None:
        self._fleet = fleet
        self._tls = tls
        self._seen: tuple[WorkerRecord, ...] = ()
        self._trusted: tuple[WorkerRecord, ...] = ()
        self._told: set[str] = set()

    def workers(self) -> tuple[WorkerRecord, ...]:
        everybody = self._fleet.workers()
        if everybody is not self._seen:
            self._seen = everybody
            refused = self.refused()
            self._tell(refused)
            self._trusted = tuple(one for one in everybody if one.tls is self._tls) if refused else everybody
        return self._trusted

    def refused(self) -> list[WorkerRecord]:
        """Those who are left out."""
        return [record for record in self._fleet.workers() if record.tls is not self._tls]

    def why_refused(self) -> str:
        """What is wrong with them."""
        return PLAIN_WORKER if self._tls else TLS_WORKER

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        return self._fleet.subscribe(changed)

    @property
    def reachable(self) -> bool:
        return self._fleet.reachable

    async def run(self) -> None:
        await self._fleet.run()

    def _tell(self, refused: list[WorkerRecord]) -> None:
        there = {record.description.incarnation for record in refused}
        for record in refused:
            if record.description.incarnation not in self._told:
                name = record.description.worker
                log.warning("worker is not spoken to", worker=name, address=record.address, reason=self.why_refused())
        self._told = there
