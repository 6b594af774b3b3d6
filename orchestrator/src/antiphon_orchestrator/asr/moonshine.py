"""Recognises English with Moonshine, on the CPU; the default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from antiphon_orchestrator.asr.drafts import Drafts
from antiphon_orchestrator.asr.hums import Hums
from antiphon_orchestrator.asr.loops import without_loop
from antiphon_orchestrator.asr.moonshine_networks import END, MoonshineNetworks
from antiphon_orchestrator.asr.refusals import require_language, require_short
from antiphon_orchestrator.asr.vocabulary import Vocabulary
from antiphon_orchestrator.enginepool import EnginePool, Stopped
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, Transcript

LANGUAGE = "en"
_SHORTEST_SAMPLES = EARS_RATE_HZ // 20
_TAIL_SAMPLES = EARS_RATE_HZ // 10
"""Silence put behind the audio. Without it, a short word cut close is written two or three times."""
_TOKENS_PER_S, _TOKENS_AT_LEAST = 12, 6
"""Faster than anybody speaks: a recogniser that writes more has lost the thread."""
_HUM_SAMPLES, _HUM_TOKENS = EARS_RATE_HZ * 3 // 2, 7
"""What is longer is no hum."""
_MADE_UP = frozenset({"You"})
"""What it writes, without a full stop, for sounds that are no speech."""


class MoonshineAsr:
    """One instance serves all sessions. Slow to build: loads the networks and runs them once."""

    max_samples = 30 * EARS_RATE_HZ

    def __init__(self, folder: Path, *, running: int = 2, waiting: int = 64) -> None:
        self._networks = MoonshineNetworks(folder)
        self._vocabulary = Vocabulary(folder / "tokenizer.bin")
        self._hums = Hums(self._vocabulary)
        self._drafts = Drafts()
        self._pool = EnginePool("moonshine", running=running, waiting=waiting)
        self._recognise(np.zeros(EARS_RATE_HZ, np.float32), (), lambda: False)

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
        require_language(language, {LANGUAGE}, "moonshine")
        if len(audio) < _SHORTEST_SAMPLES:
            return Transcript("", LANGUAGE)
        padded = np.concatenate([audio, np.zeros(_TAIL_SAMPLES, np.float32)])
        draft = self._drafts.of(audio)

        def recognise(stopped: Stopped) -> tuple[str, list[int]]:
            return self._recognise(padded, draft, stopped, hums=hums)

        text, tokens = await self._pool.run(recognise, urgent=urgent)
        self._drafts.keep(audio, tokens)
        return Transcript(text, LANGUAGE)

    def close(self) -> None:
        self._pool.close()

    def _recognise(
        self, audio: HeardSamples, draft: Sequence[int], stopped: Stopped, *, hums: bool = False
    ) -> tuple[str, list[int]]:
        """The text, and the tokens it was made of."""
        heard = self._networks.hear(audio)
        limit = len(audio) * _TOKENS_PER_S // EARS_RATE_HZ + _TOKENS_AT_LEAST
        tokens: list[int] = []
        log_likelihood = 0.0
        for token in self._networks.tokens(heard, draft, stopped):
            log_likelihood += token.log_likelihood
            if token.number == END:
                break
            tokens.append(token.number)
            once = without_loop(tokens)
            if once is not None or len(tokens) >= limit:
                tokens = once or tokens
                break
        if len(audio) <= _HUM_SAMPLES and len(tokens) <= _HUM_TOKENS:
            likelihoods = self._networks.log_likelihood(heard, self._hums.tokens)
            if (hum := self._hums.instead_of(log_likelihood, likelihoods, expected=hums)) is not None:
                return hum, tokens
        return self._text(tokens), tokens

    def _text(self, tokens: list[int]) -> str:
        text = self._vocabulary.text(tokens)
        return text if any(map(str.isalnum, text)) and text not in _MADE_UP else ""
