"""Framer: an engine's chunks into exact 20 ms frames at the agreed rate, with their marks."""

from __future__ import annotations

from dataclasses import replace

from antiphon_core.audio import WIRE_RATES_HZ, Frame, PcmChunk, PcmFormat, Samples, TextMark
from antiphon_core.errors import BadFormat, EngineFailed
from antiphon_core.resample import Resampler

Framed = Frame | TextMark


class Framer:
    """One utterance's stream of frames. Nothing is lost: the last frame is padded with zeros and says how far.

    A frame leaves as soon as its 20 ms exist. A mark leaves before the frame it points into; one that the engine
    gave after that sound leaves at once, and one that points behind the end is moved to the end.
    """

    def __init__(self, out: PcmFormat) -> None:
        if out.rate_hz not in WIRE_RATES_HZ:
            raise BadFormat(
                f"frames at {out.rate_hz} Hz are not offered; ask for one of {', '.join(map(str, WIRE_RATES_HZ))} Hz",
                subject=str(out.rate_hz),
                allowed=[str(rate_hz) for rate_hz in WIRE_RATES_HZ],
            )
        self.samples = 0
        """How much speech has left in frames, padding apart."""
        self._out = out
        self._in_rate_hz = 0
        self._resampler = Resampler(out.rate_hz, out.rate_hz)
        self._pcm = bytearray()
        self._marks: list[TextMark] = []
        self._seq = 0

    def push(self, chunk: PcmChunk) -> list[Framed]:
        self.accept_rate(chunk.rate_hz)
        if chunk.marks:
            self._marks = sorted((*self._marks, *map(self._at_out_rate, chunk.marks)), key=_sample_offset)
        return self._framed(self._resampler.push(chunk.samples))

    def finish(self) -> list[Framed]:
        framed = self._framed(self._resampler.finish())
        end = self.samples + len(self._pcm) // 2
        framed += [replace(mark, sample_offset=min(mark.sample_offset, end)) for mark in self._marks]
        self._marks = []
        if self._pcm:
            framed.append(self._frame(bytes(self._pcm).ljust(self._out.frame_bytes, b"\0"), len(self._pcm) // 2))
            self._pcm.clear()
        return framed

    def accept_rate(self, rate_hz: int) -> None:
        """Takes the first rate it is given and refuses any other."""
        if rate_hz <= 0:
            raise EngineFailed(
                f"the engine gave a chunk at {rate_hz} Hz; its adapter must state the true, positive rate"
            )
        if self._in_rate_hz not in (0, rate_hz):
            raise EngineFailed(
                f"the engine changed its rate from {self._in_rate_hz} to {rate_hz} Hz within an utterance; "
                "its adapter must yield every chunk of an utterance at one rate"
            )
        if not self._in_rate_hz:
            self._in_rate_hz = rate_hz
            self._resampler = Resampler(rate_hz, self._out.rate_hz)

    def _at_out_rate(self, mark: TextMark) -> TextMark:
        return replace(mark, sample_offset=max(mark.sample_offset, 0) * self._out.rate_hz // self._in_rate_hz)

    def _framed(self, samples: Samples) -> list[Framed]:
        """Adds samples to what waits and takes off every whole frame."""
        self._pcm += samples.astype("<i2", copy=False).tobytes()
        size = self._out.frame_bytes
        whole = len(self._pcm) // size * size
        framed: list[Framed] = []
        for start in range(0, whole, size):
            framed += self._due_marks(self.samples + self._out.frame_samples)
            framed.append(self._frame(bytes(self._pcm[start : start + size]), self._out.frame_samples))
        del self._pcm[:whole]
        return framed

    def _due_marks(self, end: int) -> list[TextMark]:
        due = [mark for mark in self._marks if mark.sample_offset < end] if self._marks else []
        del self._marks[: len(due)]
        return due

    def _frame(self, pcm: bytes, speech_samples: int) -> Frame:
        frame = Frame(self._seq, pcm, speech_samples)
        self._seq += 1
        self.samples += speech_samples
        return frame


def _sample_offset(mark: TextMark) -> int:
    return mark.sample_offset
