"""Leveller: one constant gain, and a limiter that touches nothing but the neighbourhood of peaks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon_core.audio import Samples

CEILING_DB = -1.0
AHEAD_MS = 1
"""How long before a peak the limiter begins to turn down; the latency of the whole thing."""
BEHIND_MS = 10
"""How long it stays down. Longer than a voice's pitch period, so that it does not flutter within a vowel."""

_Floats = npt.NDArray[np.float32]


class Leveller:
    """Output is `gain * input`, rounded, wherever no peak above the ceiling is near; the audio is not shifted.

    Every figure comes from a fixed neighbourhood of its sample and by the same operations, so that how the signal
    was cut into pushes changes no bit of it.
    """

    def __init__(self, rate_hz: int, gain_db: float = 0.0, ceiling_db: float = CEILING_DB) -> None:
        self._gain = np.float32(10 ** (gain_db / 20))
        self._ceiling = np.float32(32767 * 10 ** (ceiling_db / 20))
        self._ahead = max(1, rate_hz * AHEAD_MS // 1000)
        self._reach = self._ahead + rate_hz * BEHIND_MS // 1000 + 1
        self._ramp = 1 << ((self._ahead + 1).bit_length() - 1)
        self._past = self._reach - 1 - self._ahead + self._ramp - 1
        self._recent = np.zeros(self._past, np.int16)

    def push(self, samples: Samples) -> Samples:
        recent = np.concatenate((self._recent, samples))
        count = max(0, len(recent) - self._past - self._ahead)
        self._recent = recent[count:]
        return self._levelled(recent, count) if count else recent[:0]

    def finish(self) -> Samples:
        """The last millisecond."""
        return self.push(np.zeros(self._ahead, np.int16))

    def _levelled(self, recent: Samples, count: int) -> Samples:
        raised: _Floats = recent * self._gain
        body: _Floats = raised[self._past : self._past + count]
        if max(raised.max(), -raised.min()) > self._ceiling:
            body = body * self._reductions(raised)
        levelled: Samples = np.rint(body).astype(np.int16)
        return levelled

    def _reductions(self, raised: _Floats) -> _Floats:
        """One factor per sample of the body: the least that any sample within reach needs, ramped over a millisecond.

        The ramp is no longer than the look-ahead, so that it is all the way down when the peak comes.
        """
        needed: _Floats = np.divide(self._ceiling, np.maximum(np.abs(raised), self._ceiling), dtype=np.float32)
        return _means(_minima(needed, self._reach), self._ramp)


def _minima(values: _Floats, reach: int) -> _Floats:
    """The least of every `reach` neighbours, by doubling."""
    size = 1
    while size * 2 <= reach:
        values = np.minimum(values[:-size], values[size:])
        size *= 2
    rest = reach - size
    return np.minimum(values[: len(values) - rest], values[rest:])


def _means(values: _Floats, count: int) -> _Floats:
    """The mean of every `count` neighbours, a power of two, by doubling; exactly 1 where all of them are."""
    size = 1
    while size < count:
        values = values[:-size] + values[size:]
        size *= 2
    return values / np.float32(count)
