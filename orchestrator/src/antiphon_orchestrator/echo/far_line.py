"""What was sent to a client, laid on the time of its microphone. Pure: time comes in.

Only the microphone's samples count time here: its clock is not ours, and a browser may send late or in bursts. What is
sent begins where the microphone is at that moment, as told by those of its samples that came with the least delay.
"""

from __future__ import annotations

import numpy as np
from antiphon_core.audio import Samples

from antiphon_orchestrator.ports import EARS_RATE_HZ

_SAMPLES_PER_MS = EARS_RATE_HZ // 1000
_FORGETTING = 1_000
"""The least delay grows by a thousandth of the time: clocks differ by less, and a network may become slower."""
_JITTER = EARS_RATE_HZ // 10
"""What comes so little late follows what came before without a gap."""
MAX_WAITING = 5 * EARS_RATE_HZ
"""Overflow: the oldest is forgotten; the microphone sends nothing."""


class FarLine:
    """One session's."""

    def __init__(self) -> None:
        self._waiting: Samples = np.zeros(0, np.int16)
        self._taken = 0
        self._come = 0
        self._offset: float | None = None
        self._told_ms = 0

    def heard(self, samples: int, now_ms: int) -> None:
        """So many samples of the microphone have just come."""
        self._come += samples
        offset: float = self._come - now_ms * _SAMPLES_PER_MS
        if self._offset is not None:
            forgotten = (now_ms - self._told_ms) * _SAMPLES_PER_MS / _FORGETTING
            offset = max(offset, self._offset - forgotten)
        self._offset, self._told_ms = offset, now_ms

    def add(self, samples: Samples, now_ms: int) -> None:
        """Audio that is about to be played: now, or behind what is still playing."""
        if self._offset is None:
            return
        begins = round(now_ms * _SAMPLES_PER_MS + self._offset)
        gap = begins - (self._taken + len(self._waiting))
        silence = np.zeros(gap if gap > _JITTER or not len(self._waiting) else 0, np.int16) if gap > 0 else samples[:0]
        self._waiting = np.concatenate((self._waiting, silence, samples))[-MAX_WAITING:]

    def take(self, samples: int) -> Samples:
        """What was to be heard while the microphone's next samples were taken."""
        taken, self._waiting = self._waiting[:samples], self._waiting[samples:]
        self._taken += samples
        return np.concatenate((taken, np.zeros(samples - len(taken), np.int16)))
