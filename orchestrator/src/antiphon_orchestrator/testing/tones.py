"""Scripted parts for a line that carries sound, not samples: speech is a tone, and whatever is loud is speech."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from antiphon_core.audio import Frame
from antiphon_core.utterance import SynthesisEvent

from antiphon_orchestrator.ports import EARS_RATE_HZ, Asr, HeardSamples, Speech, Transcript, VoiceChoice
from antiphon_orchestrator.providers import Ears, Providers
from antiphon_orchestrator.testing.ears import ScriptedTurnDetector
from antiphon_orchestrator.testing.server import Scripted
from antiphon_orchestrator.testing.speech import ScriptedSpeech

TONE_HZ = 400
_LOUD = 0.02


def tone(seconds: float) -> HeardSamples:
    """What the user says."""
    times = np.arange(int(seconds * EARS_RATE_HZ), dtype=np.float32) / EARS_RATE_HZ
    return np.float32(0.3) * np.sin(2 * np.pi * TONE_HZ * times, dtype=np.float32)


def loud_ms(audio: npt.NDArray[np.int16], rate_hz: int) -> int:
    """How much of it is a tone."""
    size = rate_hz // 100
    blocks = audio[: len(audio) // size * size].reshape(-1, size).astype(np.float32) / 32_768
    return 10 * int(np.count_nonzero(np.sqrt((blocks**2).mean(axis=1)) > _LOUD))


class LoudnessVad:
    """Hears whatever is loud as speech."""

    window_samples = 512

    def probability(self, window: HeardSamples) -> float:
        return 1.0 if float(np.sqrt(np.mean(window**2))) > _LOUD else 0.0

    def reset(self) -> None:
        """It remembers nothing."""


@dataclass
class OneSentence:
    """Understands the same, whatever is said. `heard` is all audio it was asked about."""

    text: str = "Wait, stop, that is wrong."
    max_samples: int = 30 * EARS_RATE_HZ
    heard: list[HeardSamples] = field(default_factory=list)

    async def transcribe(
        self,
        audio: HeardSamples,
        *,
        language: str = "",
        prompt: str = "",
        urgent: bool = True,
        hums: bool = False,
    ) -> Transcript:
        self.heard.append(audio)
        return Transcript(self.text, "en")


class HummingSpeech(ScriptedSpeech):
    """Hums each word for as long as it would take to say it."""

    async def speak(
        self, text: str, choice: VoiceChoice, *, session_id: str = "", turn_id: str = "", utterance_id: str = ""
    ) -> AsyncGenerator[SynthesisEvent, None]:
        async for event in super().speak(text, choice):
            yield replace(event, pcm=_hum(event, choice.rate_hz)) if isinstance(event, Frame) else event


def _hum(frame: Frame, rate_hz: int) -> bytes:
    samples = rate_hz // 50
    times = (np.arange(samples) + frame.seq * samples) / rate_hz
    return (8_000 * np.sin(2 * np.pi * TONE_HZ * times)).astype("<i2").tobytes()


@dataclass
class Sounding(Scripted):
    """The parts of a server that can be called by telephone."""

    speech: Speech = field(default_factory=HummingSpeech)
    asr: Asr = field(default_factory=OneSentence)

    def providers(self) -> Providers:
        ears = Ears(LoudnessVad, ScriptedTurnDetector(), self.asr)
        return replace(super().providers(), load_ears=lambda: ears)
