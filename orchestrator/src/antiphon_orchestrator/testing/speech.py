"""Scripted speech: says each word as a stretch of its own level, so that a test hears which words were said."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field

import numpy as np
from antiphon_core.audio import Frame, PcmFormat, TextMark
from antiphon_core.errors import AntiphonError
from antiphon_core.utterance import Finished, Reason, Started, SynthesisEvent

from antiphon_orchestrator.ports import VoiceChoice

FRAMES_PER_WORD = 10
_LEVELS = 20_000


def level_of(word: str) -> int:
    """The sample value a word is spoken with; equal words sound alike, others hardly ever do."""
    total: int = sum(ord(character) * 31**index for index, character in enumerate(word))
    return 1_000 + total % _LEVELS


def words_heard(pcm: bytes, vocabulary: Iterable[str]) -> list[str]:
    """Which of the words are in the audio, in order, a word for every stretch of it."""
    names = {level_of(word): word for word in vocabulary}
    samples = np.frombuffer(pcm, "<i2")
    stretches = np.split(samples, np.flatnonzero(np.diff(samples)) + 1)
    return [names[int(stretch[0])] for stretch in stretches if len(stretch) and int(stretch[0]) in names]


@dataclass
class ScriptedSpeech:
    """`errors` are raised by the utterances to come, one each, after `frames_before_error` frames."""

    first_frame_s: float = 0.03
    frame_s: float = 0.001
    errors: Iterable[AntiphonError] = ()
    frames_before_error: int = 0
    spoken: list[str] = field(default_factory=list)
    choices: list[VoiceChoice] = field(default_factory=list)
    running: int = 0

    def __post_init__(self) -> None:
        self._errors = deque(self.errors)

    def fail(self, *errors: AntiphonError) -> None:
        """The next utterances raise these, one each."""
        self._errors.extend(errors)

    def fail_no_more(self) -> None:
        """Errors that were not raised yet never will be."""
        self._errors.clear()

    async def speak(
        self, text: str, choice: VoiceChoice, *, session_id: str = "", turn_id: str = "", utterance_id: str = ""
    ) -> AsyncGenerator[SynthesisEvent, None]:
        """See `ports.Speech`."""
        self.spoken.append(text)
        self.choices.append(choice)
        error = self._errors.popleft() if self._errors else None
        audio = PcmFormat(choice.rate_hz)
        self.running += 1
        try:
            yield Started("scripted", "scripted", choice.voice or "scripted/one", audio)
            await asyncio.sleep(self.first_frame_s)
            seq = offset = 0
            for word in text.split():
                offset = text.index(word, offset)
                yield TextMark(offset, len(word), seq * audio.frame_samples)
                for _ in range(FRAMES_PER_WORD):
                    if error is not None and seq >= self.frames_before_error:
                        raise error
                    await asyncio.sleep(self.frame_s)
                    yield Frame(seq, _tone(word, audio), audio.frame_samples)
                    seq += 1
                offset += len(word)
            yield Finished(Reason.COMPLETE, seq * audio.frame_samples, self.first_frame_s * 1000, 0.0, 0.0)
        finally:
            self.running -= 1


def _tone(word: str, audio: PcmFormat) -> bytes:
    return np.full(audio.frame_samples, level_of(word), "<i2").tobytes()
