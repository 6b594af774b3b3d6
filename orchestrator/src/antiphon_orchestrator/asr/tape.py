"""A stretch of an audio stream, found by the stream's own sample positions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples

_HOP_SAMPLES = EARS_RATE_HZ // 50


class Tape:
    """Grows at its end and forgets at its start. What is put on it must not be changed any more."""

    def __init__(self, start: int = 0) -> None:
        self.start = self.end = start
        self._chunks: deque[tuple[HeardSamples, bool]] = deque()

    def append(self, samples: HeardSamples, speech: bool) -> None:
        self._chunks.append((samples, speech))
        self.end += len(samples)

    def read(self, start: int, end: int) -> HeardSamples:
        """As much as is here of the samples from `start` to `end`."""
        parts = [samples for samples, _ in self.chunks(start, end)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def chunks(self, start: int, end: int) -> Iterator[tuple[HeardSamples, bool]]:
        """The same, as it was put on, each piece with whether it is speech."""
        place = self.start
        for samples, speech in self._chunks:
            first, last = max(start - place, 0), min(end - place, len(samples))
            if first < last:
                yield samples[first:last], speech
            place += len(samples)

    def forget(self, before: int) -> None:
        """Lets go of all that lies wholly before a position."""
        while self._chunks and self.start + len(self._chunks[0][0]) <= before:
            self.start += len(self._chunks.popleft()[0])


def quietest(audio: HeardSamples) -> int:
    """Where audio is best cut: the middle of its quietest 20 ms."""
    hops = audio[: len(audio) // _HOP_SAMPLES * _HOP_SAMPLES].reshape(-1, _HOP_SAMPLES)
    if not len(hops):
        return len(audio) // 2
    return int(np.argmin(np.square(hops).sum(axis=1))) * _HOP_SAMPLES + _HOP_SAMPLES // 2
