"""Trimmer: takes the silence off both ends of what an engine says; pauses inside it stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from antiphon_core.audio import PcmChunk, Samples, TextMark

WINDOW_MS = 5


@dataclass(frozen=True, slots=True)
class TrimSettings:
    """How much silence a voice keeps at its ends.

    A window of 5 ms is sound if its RMS is above `threshold_db` (dBFS). A word may begin and end with consonants near
    -55 dBFS and engines' silence lies below -70, so the threshold stands between, and what is kept on top covers what
    is quieter still. Where no sound comes within `lead_max_ms`, nothing is taken from the start: it may be a voice
    quieter than the threshold. At most `hold_max_ms` of silence waits to see whether the utterance is over; what
    is longer flows on, so that a long pause reaches the listener in time.
    """

    enabled: bool = True
    threshold_db: float = -60.0
    lead_keep_ms: int = 20
    tail_keep_ms: int = 200
    lead_max_ms: int = 1_000
    hold_max_ms: int = 600


class Trimmer:
    """One utterance, or one sentence of it. Sound leaves at once; only silence is ever held."""

    def __init__(self, rate_hz: int, settings: TrimSettings) -> None:
        self._rate_hz = rate_hz
        self._lead_keep, self._tail_keep, self._lead_max, self._hold_max = (
            rate_hz * ms // 1000
            for ms in (settings.lead_keep_ms, settings.tail_keep_ms, settings.lead_max_ms, settings.hold_max_ms)
        )
        self._ear = _Ear(max(1, rate_hz * WINDOW_MS // 1000), settings.threshold_db)
        self._enabled = settings.enabled
        self._seen = 0
        self._held = np.zeros(0, np.int16)
        self._marks: tuple[TextMark, ...] = ()
        self._cut: int | None = None
        self._sound_end: int | None = None

    def push(self, chunk: PcmChunk) -> PcmChunk:
        """What may leave now, possibly nothing. Its marks count from the first sample that ever left."""
        if not self._enabled:
            return chunk
        self._seen += len(chunk.samples)
        self._held = np.concatenate((self._held, chunk.samples))
        self._marks += chunk.marks
        self._hear(*self._ear.push(chunk.samples))
        return self._release(self._flowing())

    def finish(self) -> PcmChunk:
        """The last of it: the end of the sound and the pause that it keeps."""
        self._hear(*self._ear.finish())
        if self._cut is None:
            self._cut = 0
        return self._release(self._seen if self._sound_end is None else self._flowing())

    def _hear(self, start: int | None, end: int | None) -> None:
        if end is not None:
            self._sound_end = end
        if self._cut is None and start is not None and start <= self._lead_max:
            self._begin(max(0, start - self._lead_keep))
        elif self._cut is None and self._ear.heard > self._lead_max:
            self._begin(0)

    def _begin(self, cut: int) -> None:
        self._cut = cut
        self._held = self._held[cut:]

    def _flowing(self) -> int:
        """How far the audio is free to leave, in samples from the start: to where silence may be the last."""
        kept = 0 if self._sound_end is None else self._sound_end + self._tail_keep
        return max(kept, self._seen - self._hold_max)

    def _release(self, until: int) -> PcmChunk:
        cut = self._cut
        if cut is None:
            return PcmChunk(self._held[:0], self._rate_hz)
        count = max(0, len(self._held) - max(0, self._seen - until))
        marks = tuple(_shifted(mark, cut) for mark in self._marks) if self._marks else ()
        leaves = PcmChunk(self._held[:count], self._rate_hz, marks)
        self._held, self._marks = self._held[count:], ()
        return leaves


class _Ear:
    """Tells sound from silence, window by window. Sums of squares are exact in float64, however audio is cut."""

    def __init__(self, window: int, threshold_db: float) -> None:
        self.heard = 0
        """Samples judged so far."""
        self._window = window
        self._least_power = float((32768 * 10 ** (threshold_db / 20)) ** 2)
        self._rest = np.zeros(0, np.int16)

    def push(self, samples: Samples) -> tuple[int | None, int | None]:
        """Where the first sound in the windows that are now complete begins, and where the last one ends."""
        pending = np.concatenate((self._rest, samples))
        whole = len(pending) // self._window * self._window
        self._rest = pending[whole:]
        return self._judge(pending[:whole].reshape(-1, self._window))

    def finish(self) -> tuple[int | None, int | None]:
        """Judges the incomplete last window."""
        rest, self._rest = self._rest, self._rest[:0]
        return self._judge(rest.reshape(1, -1)) if len(rest) else (None, None)

    def _judge(self, windows: Samples) -> tuple[int | None, int | None]:
        begin = self.heard
        self.heard += windows.size
        powers = np.square(windows, dtype=np.float64).mean(axis=1)
        loud = np.flatnonzero(powers > self._least_power)
        if not len(loud):
            return None, None
        length = windows.shape[1]
        return begin + int(loud[0]) * length, begin + (int(loud[-1]) + 1) * length


def _shifted(mark: TextMark, cut: int) -> TextMark:
    return replace(mark, sample_offset=max(0, mark.sample_offset - cut))
