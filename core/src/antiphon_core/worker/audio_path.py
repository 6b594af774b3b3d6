"""AudioPath: all that happens to an engine's audio before it leaves the worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from antiphon_core.audio import PcmChunk, PcmFormat, Samples, TextMark
from antiphon_core.worker.framer import Framed, Framer
from antiphon_core.worker.leveller import Leveller
from antiphon_core.worker.trim import Trimmer, TrimSettings


class AudioPath:
    """One utterance: level, trim, resample, frame. Gain comes first: thus a trim threshold means the same for a
    quiet voice as for a loud one.

    An engine that takes no partial text speaks an utterance in pieces, each a synthesis of its own with silence at
    both ends and marks that count from its own beginning: `next_piece` stands between them.
    """

    def __init__(self, out: PcmFormat, trim: TrimSettings | None = None, gain_db: float = 0.0) -> None:
        self._trim = trim or TrimSettings()
        self._gain_db = gain_db
        self._framer = Framer(out)
        self._stages: tuple[Leveller, Trimmer] | None = None
        self._rate_hz = 0
        self._given = 0
        self._piece_start = 0
        self._text_offset = 0

    @property
    def samples(self) -> int:
        """How much speech has left in frames, padding apart, at the rate agreed."""
        return self._framer.samples

    def push(self, chunk: PcmChunk) -> list[Framed]:
        self._framer.accept_rate(chunk.rate_hz)
        if self._stages is None:
            self._rate_hz = chunk.rate_hz
            self._stages = Leveller(chunk.rate_hz, self._gain_db), Trimmer(chunk.rate_hz, self._trim)
        leveller, trimmer = self._stages
        return self._frame(trimmer.push(PcmChunk(leveller.push(chunk.samples), chunk.rate_hz, chunk.marks)))

    def next_piece(self, text_offset: int) -> list[Framed]:
        """Ends a piece and begins another, whose text begins at that code point of the utterance's."""
        framed = self._end_piece()
        self._piece_start = self._given
        self._text_offset = text_offset
        return framed

    def finish(self) -> list[Framed]:
        return self._end_piece() + self._framer.finish()

    def _end_piece(self) -> list[Framed]:
        if self._stages is None:
            return []
        (leveller, trimmer), self._stages = self._stages, None
        rest: Samples = leveller.finish()
        return self._frame(trimmer.push(PcmChunk(rest, self._rate_hz))) + self._frame(trimmer.finish())

    def _frame(self, chunk: PcmChunk) -> list[Framed]:
        self._given += len(chunk.samples)
        marks = tuple(map(self._in_utterance, chunk.marks)) if chunk.marks else ()
        return self._framer.push(PcmChunk(chunk.samples, chunk.rate_hz, marks))

    def _in_utterance(self, mark: TextMark) -> TextMark:
        return replace(
            mark,
            text_offset=self._text_offset + mark.text_offset,
            sample_offset=self._piece_start + mark.sample_offset,
        )


def slices(chunk: PcmChunk, first_ms: int = 100, other_ms: int = 500) -> Iterator[PcmChunk]:
    """A chunk in short ones: where an engine yields a whole sentence at once, its first frame need not wait for all."""
    first, other = (max(1, chunk.rate_hz * ms // 1000) for ms in (first_ms, other_ms))
    yield PcmChunk(chunk.samples[:first], chunk.rate_hz, chunk.marks)
    for start in range(first, len(chunk.samples), other):
        yield PcmChunk(chunk.samples[start : start + other], chunk.rate_hz)
