"""Keeps silence and noise from the recogniser, which would make words of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from antiphon_orchestrator.asr.refusals import require_short
from antiphon_orchestrator.enginepool import EnginePool, Stopped
from antiphon_orchestrator.ports import EARS_RATE_HZ, Asr, HeardSamples, Transcript, Vad

_SPEECH = 0.5
_ENOUGH_MS = 128
"""A quick "no" lasts about 300 ms; a cough hardly ever sounds like a voice for this long."""


class GatedAsr:
    """A recogniser that is asked only about audio with speech in it; for the rest the text is empty."""

    def __init__(self, asr: Asr, new_vad: Callable[[], Vad], *, waiting: int = 64) -> None:
        self.max_samples = asr.max_samples
        self._asr = asr
        self._new_vad = new_vad
        self._pool = EnginePool("speech-gate", running=1, waiting=waiting)

    async def transcribe(
        self,
        audio: HeardSamples,
        *,
        language: str = "",
        prompt: str = "",
        urgent: bool = True,
        hums: bool = False,
    ) -> Transcript:
        require_short(audio, self.max_samples)

        def gate(stopped: Stopped) -> bool:
            return holds_speech(audio, self._new_vad(), stopped)

        if not await self._pool.run(gate, urgent=urgent):
            return Transcript("", language)
        return await self._asr.transcribe(audio, language=language, prompt=prompt, urgent=urgent, hums=hums)

    def close(self) -> None:
        self._pool.close()


def holds_speech(audio: HeardSamples, vad: Vad, stopped: Callable[[], bool]) -> bool:
    """Whether there is enough speech; looks no further than it must."""
    size = vad.window_samples
    missing = _ENOUGH_MS * EARS_RATE_HZ // 1000 // size
    for start in range(0, len(audio), size):
        window = audio[start : start + size]
        if len(window) < size:
            window = np.pad(window, (0, size - len(window)))
        missing -= vad.probability(window) >= _SPEECH
        if missing <= 0 or stopped():
            return missing <= 0
    return False
