"""What is worth counting about sessions, told by them as it happens."""

from __future__ import annotations

from typing import Literal

Part = Literal["recogniser", "mind", "speech", "turn_detector"]
Stop = Literal["resumed", "interrupted"]


class Observer:
    """Is told and does nothing about it; `metrics` counts. Its methods take no time and never raise."""

    def turn_ended(self, *, counted: bool) -> None:
        """What the user said became a part of the conversation, or was nothing to us."""

    def response_ended(self, status: str) -> None:
        """A response is over: completed, cancelled, incomplete or failed."""

    def trial_ended(self, *, used: bool) -> None:
        """What was prepared at a pause became the answer, or was thrown away."""

    def hold_ended(self, held_s: float, how: Stop) -> None:
        """The voice was held because somebody spoke, and went on or gave way."""

    def voice_stopped(self, onset_s: float) -> None:
        """An interrupted voice sent its last frame so long after the user had begun to speak."""

    def first_audio(self, after_request_s: float) -> None:
        """The first frame of an answer left so long after the answer was wanted."""

    def answered(self, voice_to_voice_s: float) -> None:
        """The first frame of an answer left so long after the user had stopped speaking."""

    def ticked(self, late_s: float) -> None:
        """Audio was looked after so late."""

    def starved(self, gap_s: float) -> None:
        """An engine was too slow: the voice fell silent for so long within a sentence."""

    def tokens(self, read: int, written: int) -> None:
        """A language model has counted its tokens."""

    def failed(self, part: Part) -> None:
        """A model failed."""
