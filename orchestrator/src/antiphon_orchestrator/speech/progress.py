"""How far an utterance has come over the workers that spoke it, and where another one is to go on. Pure.

All offsets are counted from the utterance's start, as if what was void had never been made.
"""

from __future__ import annotations

from dataclasses import replace

from antiphon_core.audio import Frame, PcmFormat, TextMark

from antiphon_orchestrator.ports import Handover


class Progress:
    """Takes the audio of one worker after another."""

    def __init__(self, text: str, audio: PcmFormat) -> None:
        self._text = text
        self._frame_samples = audio.frame_samples
        self._frames = 0
        self._marks: list[TextMark] = []
        self._seq = 0
        self.begun = False
        """Whether anything was passed on."""
        self.handover = Handover(0, 0)
        """Where the worker who speaks now has begun."""
        self.speech_samples = 0

    @property
    def rest(self) -> str:
        """What the worker who speaks now is to say."""
        return self._text[self.handover.text_offset :]

    def next_worker(self) -> None:
        """Another worker goes on: with the word that was being made, or from the start where no words are told."""
        made = self.handover.sample_offset + self._frames * self._frame_samples
        reached = [mark for mark in self._marks if mark.sample_offset <= made]
        if reached and self._frames:
            self.handover = Handover(reached[-1].text_offset, reached[-1].sample_offset)
        self._frames = 0
        self._marks.clear()

    def frame(self, frame: Frame) -> Frame:
        self.begun = True
        self._frames += 1
        self._seq += 1
        self.speech_samples += frame.speech_samples
        return replace(frame, seq=self._seq - 1)

    def mark(self, mark: TextMark) -> TextMark:
        self.begun = True
        start = self.handover
        placed = replace(
            mark,
            text_offset=mark.text_offset + start.text_offset,
            sample_offset=mark.sample_offset + start.sample_offset,
        )
        self._marks.append(placed)
        return placed
