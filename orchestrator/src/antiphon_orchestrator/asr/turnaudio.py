"""One turn's audio, cut into pieces that a recogniser can take, and what is known of their words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from antiphon_orchestrator.asr.tape import Tape, quietest
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples

_MS = EARS_RATE_HZ // 1000


@dataclass(frozen=True, slots=True)
class Cutting:
    """Where a turn is cut and what is given to the recogniser. All lengths in samples.

    A piece holds at most `limit`. One of `comfortable` length ends at the next `pause`, so that what is left to
    recognise when the turn ends is short. A recognition is given `tail` of the silence behind the last speech: more
    made it no better, and one voice worse. It counts for all speech that ended at least `margin` before its audio did.
    Silence of `dip` may be the end: what was said is recognised at once, but not over an answer, where a hum has to be
    heard to its last breath to be told from a word.
    Between pieces, silence is left out up to `pre_roll` before speech goes on. `lookback` is kept for turn detectors.
    """

    limit: int
    comfortable: int = 6_000 * _MS
    pause: int = 300 * _MS
    tail: int = 96 * _MS
    margin: int = 32 * _MS
    dip: int = 32 * _MS
    pre_roll: int = 300 * _MS
    lookback: int = 8_000 * _MS


_SEARCH_SAMPLES = 2_000 * _MS
"""How far back from the limit a cut may lie if nobody pauses."""
_PIECES_BEHIND = 8
"""A recogniser that is further behind loses the oldest of them: memory stays bounded."""


@dataclass(slots=True, eq=False)
class Piece:
    """From `start` to `end`, None while it grows. `text` is what was heard in it up to `recognised_to`."""

    start: int
    speech_end: int
    end: int | None = None
    recognised_to: int = 0
    text: str = ""

    @property
    def spoken(self) -> bool:
        return self.speech_end > self.start


class TurnAudio:
    """Takes a turn's audio as it comes."""

    def __init__(self, start: int, cutting: Cutting, *, over_answer: bool = False) -> None:
        self._tape = Tape(start)
        self._cutting = cutting
        self.start = start
        self.pieces = [Piece(start, start)]
        self.speech_samples = 0
        self._asked_samples = 0
        self.over_answer = over_answer

    @property
    def text(self) -> str:
        """All that is known of the words so far."""
        return " ".join(piece.text for piece in self.pieces if piece.text)

    def hear(self, samples: HeardSamples, speech: bool) -> None:
        self._tape.append(samples, speech)
        piece, end = self.pieces[-1], self._tape.end
        if speech:
            self.speech_samples += len(samples)
            piece.speech_end = end
        elif len(self.pieces) > 1 and not piece.spoken:
            piece.start = piece.speech_end = max(piece.start, end - self._cutting.pre_roll)
        self._cut()
        self._forget()

    def close(self) -> None:
        """No more comes."""
        self.pieces[-1].end = self._tape.end

    def recent(self) -> HeardSamples:
        """The turn's last stretch, for a turn detector."""
        end = self._tape.end
        return self._tape.read(max(self.start, end - self._cutting.lookback), end)

    @property
    def kept_samples(self) -> int:
        return self._tape.end - self._tape.start

    # ------------------------------------------------------------------- recognition

    def goal(self) -> int:
        """Up to where the turn must be recognised for all that was said so far to be known."""
        spoken_to = max((piece.speech_end for piece in self.pieces if piece.spoken), default=self.start)
        return min(spoken_to + self._cutting.margin, self._tape.end)

    def lacking(self, goal: int) -> Iterator[Piece]:
        """The pieces that must still be recognised to reach the goal, in order."""
        return (
            piece
            for piece in self.pieces
            if piece.spoken and piece.start < goal and piece.recognised_to < self.needed(piece, goal)
        )

    def needed(self, piece: Piece, goal: int) -> int:
        """Up to where a piece must be recognised to reach the goal."""
        ends = (goal, piece.speech_end + self._cutting.margin, goal if piece.end is None else piece.end)
        return min(ends)

    def due(self, gap: int) -> Piece | None:
        """What is worth recognising while the turn goes on: a finished piece, `gap` of new speech, what may be all."""
        new_speech = self.speech_samples - self._asked_samples
        for piece in self.lacking(self.goal()):
            fell_silent = new_speech and self._tape.end - piece.speech_end >= self._cutting.dip
            may_be_all = fell_silent and not self.over_answer
            if piece.end is not None or new_speech >= gap or may_be_all:
                return piece
        return None

    def learn(self, piece: Piece, to: int, text: str) -> None:
        """A piece was recognised up to `to`. Counts for nothing if the piece has been cut before that meanwhile."""
        if piece.end is not None and to > piece.end:
            return
        piece.text, piece.recognised_to = text, to
        if self.pieces[-1].end is not None and not any(self.lacking(self.goal())):
            self._tape.forget(self._tape.end)

    def to_recognise(self, piece: Piece) -> tuple[HeardSamples, int]:
        """A piece's audio for the recogniser, and up to where it goes."""
        self._asked_samples = self.speech_samples
        end = self._tape.end if piece.end is None else piece.end
        to = min(piece.speech_end + self._cutting.tail, end)
        return self._tape.read(piece.start, to), to

    # ----------------------------------------------------------------------- cutting

    def _cut(self) -> None:
        piece, cutting = self.pieces[-1], self._cutting
        paused = self._tape.end - piece.speech_end >= cutting.pause
        if piece.spoken and paused and piece.speech_end - piece.start >= cutting.comfortable:
            self._cut_at(min(piece.speech_end + min(cutting.tail, cutting.pause), piece.start + cutting.limit))
        while self._tape.end - self.pieces[-1].start > cutting.limit:
            latest = self.pieces[-1].start + cutting.limit
            earliest = latest - min(_SEARCH_SAMPLES, cutting.limit // 2)
            self._cut_at(earliest + quietest(self._tape.read(earliest, latest)))

    def _cut_at(self, place: int) -> None:
        piece = self.pieces[-1]
        if piece.recognised_to > place:
            piece.text, piece.recognised_to = "", 0
        piece.end = place
        self.pieces.append(Piece(place, max(place, piece.speech_end)))
        piece.speech_end = min(piece.speech_end, place)

    def _forget(self) -> None:
        waiting = [piece for piece in self.lacking(self._tape.end) if piece.end is not None]
        for piece in waiting[:-_PIECES_BEHIND]:
            piece.speech_end = piece.start
        needed_from = waiting[-_PIECES_BEHIND:][0].start if waiting else self.pieces[-1].start
        self._tape.forget(min(needed_from, self._tape.end - self._cutting.lookback))
