"""One utterance waiting to be played: its frames, how far it was sent and heard, and what text that was.

Frames are counted from the utterance's first; those sent are kept for `history_frames` to go back to.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from antiphon_core.audio import Frame, PcmFormat, TextMark

from antiphon_orchestrator.fade import energy, silenced
from antiphon_orchestrator.ports import Handover
from antiphon_orchestrator.splice import frames_to_skip

SEARCH_FRAMES = 30
"""Without marks, speech goes on at the quietest frame among the last so many that were heard."""
MAX_BACK_FRAMES = 75
"""A word boundary further back than this is no use: too much would be said twice."""
CODE_POINTS_PER_S = 14
"""How fast speech runs through text, as long as nothing better is known."""


@dataclass(frozen=True, slots=True)
class Script:
    """What an utterance says. `origins[i]` is where in its item's text `text[i]` came from; it has one entry more
    than `text`, for the end. Empty: `text` lies in the item's text as it is, at `text_offset`."""

    text: str
    text_offset: int = 0
    origins: Sequence[int] = ()

    def origin(self, offset: int) -> int:
        """Where in the item's text `offset` lies."""
        return self.origins[offset] if self.origins else self.text_offset + offset


class UtteranceLine:
    """Frames of one utterance between the engine that makes them and the listener.

    `cursor` is the frame to be sent next.
    """

    def __init__(self, utterance_id: str, item_id: str, epoch: int, script: Script, audio: PcmFormat) -> None:
        self.utterance_id = utterance_id
        self.item_id = item_id
        self.epoch = epoch
        self.cursor = 0
        self.samples = 0
        self.heard_samples = 0
        self.closed = False
        self.broken = False
        self._script = script
        self._frame_samples = audio.frame_samples
        self._rate_hz = audio.rate_hz
        self._first = 0
        self._frames: list[bytes] = []
        self._marks: list[TextMark] = []
        self._shift_samples = 0
        self._skip_frames = 0

    @property
    def waiting_frames(self) -> int:
        """Frames not sent yet."""
        return self._first + len(self._frames) - self.cursor

    @property
    def says_something(self) -> bool:
        """Whether it is part of its item's text."""
        return bool(self._script.text)

    @property
    def all_sent(self) -> bool:
        """Whether nothing is left and nothing will come."""
        return self.closed and not self.waiting_frames

    @property
    def all_heard(self) -> bool:
        """Whether the listener heard it to its end."""
        return self.all_sent and self.heard_samples >= self.samples

    def push(self, frame: Frame) -> None:
        """Appends a frame."""
        if self._skip_frames:
            self._skip_frames -= 1
            return
        self._frames.append(frame.pcm)
        self.samples += frame.speech_samples

    def mark(self, mark: TextMark) -> None:
        """Notes where a word begins; marks come in order."""
        self._marks.append(replace(mark, sample_offset=mark.sample_offset + self._shift_samples))

    def splice(self, handover: Handover) -> None:
        """Another engine goes on: what nobody heard of the word it begins with gives way, and is said once."""
        size = self._frame_samples
        boundary = handover.sample_offset + self._shift_samples
        made_frames = self._first + len(self._frames)
        sent_samples = self.cursor * size - boundary
        self._skip_frames = frames_to_skip(sent_samples, made_frames * size - boundary, PcmFormat(self._rate_hz))
        if not self._skip_frames:
            made_frames = self._cut(boundary)
        self._marks = [mark for mark in self._marks if mark.text_offset < handover.text_offset]
        self._shift_samples = (made_frames - self._skip_frames) * size - handover.sample_offset
        self.samples = made_frames * size

    def peek(self) -> bytes:
        """The frame to be sent next."""
        return self._frames[self.cursor - self._first]

    def take(self, history_frames: int) -> bytes:
        """The frame to be sent next, which thereby is sent."""
        pcm = self.peek()
        self.cursor += 1
        surplus = self.cursor - self._first - history_frames
        if surplus > 0:
            del self._frames[:surplus]
            self._first += surplus
        return pcm

    def forget_audio(self) -> None:
        """Frees the frames; what was heard stays known."""
        self._first += len(self._frames)
        self._frames.clear()
        self.cursor = self._first

    def hear(self, samples: int) -> None:
        """The listener heard as far as `samples`; what was heard is never unheard."""
        self.heard_samples = max(self.heard_samples, min(samples, self.samples))

    def rewind(self, frame: int) -> None:
        """Goes back to the word boundary at or before `frame`, or to the quietest place near it."""
        frame = max(self._first, min(frame, self.cursor))
        boundary = self._word_start(frame)
        self.cursor = self._quietest(frame) if boundary is None else boundary

    def heard_offset(self) -> int:
        """How far in its item's text it was heard."""
        return self.offset_at(self.heard_samples)

    def offset_at(self, samples: int) -> int:
        """How far in its item's text one is after so many samples: at the end of a word that is at least half over."""
        if not samples:
            return self._script.origin(0)
        if self.all_sent and samples >= self.samples and not self.broken:
            return self._script.origin(len(self._script.text))
        return self._script.origin(self._marked_end(samples) if self._marks else self._estimated_end(samples))

    def _cut(self, boundary: int) -> int:
        """Drops what was not sent after that sample, without a click; how many frames there are then."""
        whole, rest = divmod(boundary, self._frame_samples)
        kept = max(self.cursor, whole)
        if kept - self._first < len(self._frames) and (rest or kept > whole):
            faded = silenced(self._frames[kept - self._first], rest if kept == whole else 0, self._rate_hz)
            self._frames[kept - self._first] = faded
            kept += 1
        del self._frames[kept - self._first :]
        return kept

    def _word_start(self, frame: int) -> int | None:
        if not self._marks:
            return None
        starts = [0, *(mark.sample_offset // self._frame_samples for mark in self._marks)]
        start = starts[bisect_right(starts, frame) - 1]
        return start if start >= max(self._first, frame - MAX_BACK_FRAMES) else None

    def _quietest(self, frame: int) -> int:
        if self._first == 0 and frame <= SEARCH_FRAMES // 2:
            return 0
        kept = range(max(self._first, frame - SEARCH_FRAMES), min(frame + 1, self._first + len(self._frames)))
        return min(reversed(kept), key=lambda index: energy(self._frames[index - self._first]))

    def _marked_end(self, samples: int) -> int:
        """The end of the last word that is at least half over."""
        ends = [mark.sample_offset for mark in self._marks[1:]] + [self._total_samples()]
        end = 0
        for mark, word_end in zip(self._marks, ends, strict=True):
            if samples * 2 < mark.sample_offset + word_end:
                break
            end = mark.text_offset + mark.text_length
        return min(end, len(self._script.text))

    def _estimated_end(self, samples: int) -> int:
        """The place as far through the text as through the sound, brought back to a word's end."""
        text = self._script.text
        end = min(len(text), len(text) * samples // max(1, self._total_samples()))
        while 0 < end < len(text) and _in_word(text[end - 1]) and _in_word(text[end]):
            end -= 1
        return len(text[:end].rstrip())

    def _total_samples(self) -> int:
        """How long it is; a guess as long as it is still being made."""
        expected = len(self._script.text) * self._rate_hz // CODE_POINTS_PER_S
        return self.samples if self.closed and not self.broken else max(self.samples, expected)


def _in_word(character: str) -> bool:
    """Whether a cut beside it may split a word; scripts without spaces may be cut anywhere."""
    return (character.isalnum() or character in "'’") and character < "\u2e80"
