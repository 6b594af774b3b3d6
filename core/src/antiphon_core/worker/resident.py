"""Resident: a model in memory, its threads, and who uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from antiphon_core.models import Model, ModelInfo
from antiphon_core.worker.eviction import Tenant
from antiphon_core.worker.loading import Loaded
from antiphon_core.worker.threads import Slot, in_thread


class Resident:
    """One loaded copy of a model."""

    def __init__(self, loaded: Loaded, now_s: float, pinned: bool) -> None:
        self.model = loaded.model
        self.retired = False
        """It takes no new leases and is closed when the last one ends."""
        self.closed = asyncio.Event()
        self._gains_db = loaded.gains_db
        self._loaded_at_s = now_s
        self._last_used_s = now_s
        self._pinned = pinned
        self._leases = 0
        self._free: list[Slot] = [loaded.slot]

    @property
    def info(self) -> ModelInfo:
        return self.model.info

    @property
    def leases(self) -> int:
        return self._leases

    def tenant(self) -> Tenant:
        return Tenant(
            key=self.info.id,
            size_bytes=self.info.size_bytes,
            loaded_at_s=self._loaded_at_s,
            last_used_s=self._last_used_s,
            in_use=self._leases > 0 or self.retired,
            pinned=self._pinned,
        )

    def gain_db(self, voice_id: str) -> float:
        """A voice that was not calibrated is taken to be as loud as the default one."""
        return self._gains_db.get(voice_id, self._gains_db.get(self.info.default_voice, 0.0))

    def lease(self, released: Callable[[Lease], None]) -> Lease:
        self._leases += 1
        slot = self._free.pop() if self._free else Slot(f"speak-{self.info.id}")
        return Lease(self, slot, released)

    def give_back(self, slot: Slot, now_s: float) -> None:
        self._leases -= 1
        self._last_used_s = now_s
        self._free.append(slot)

    async def close(self) -> None:
        """Frees the memory. No lease is left."""
        for slot in self._free:
            slot.close()
        self._free.clear()
        try:
            await in_thread(f"unload-{self.info.id}", self.model.close)
        finally:
            self.closed.set()


class Lease:
    """The right to speak with a model, and the thread to do it in. The model stays in memory until `release`."""

    def __init__(self, resident: Resident, slot: Slot, released: Callable[[Lease], None]) -> None:
        self.resident = resident
        self.slot = slot
        self._released = released
        self._held = True

    @property
    def model(self) -> Model:
        return self.resident.model

    def release(self) -> None:
        if self._held:
            self._held = False
            self._released(self)
