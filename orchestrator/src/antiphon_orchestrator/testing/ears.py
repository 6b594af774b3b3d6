"""Scripted ears: they understand the voice of `testing.voice` and behave as the real ones do."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from antiphon_core.errors import AntiphonError

from antiphon_orchestrator.asr.refusals import require_short
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, Transcript
from antiphon_orchestrator.testing.voice import is_speech, understand

Sleep = Callable[[float], Awaitable[object]]


class ScriptedVad:
    """Hears every character as speech, and nothing else."""

    window_samples = 512

    def probability(self, window: HeardSamples) -> float:
        if len(window) != self.window_samples:
            raise ValueError(f"a window holds {self.window_samples} samples, not {len(window)}")
        return 1.0 if is_speech(window) else 0.0

    def reset(self) -> None:
        """It remembers nothing."""


class ScriptedTurnDetector:
    """A turn is finished if its text ends like a sentence."""

    def __init__(self, *, cost_s: float = 0.0, sleep: Sleep = asyncio.sleep) -> None:
        self._cost_s = cost_s
        self._sleep = sleep

    async def finished_probability(self, turn: HeardSamples) -> float:
        await self._sleep(self._cost_s)
        return 0.95 if understand(turn).endswith((".", "?", "!")) else 0.05


@dataclass(slots=True)
class Heard:
    """One call of a ScriptedAsr. `text` is None unless it ended well."""

    samples: int
    urgent: bool
    language: str
    prompt: str
    text: str | None = None


@dataclass
class ScriptedAsr:
    """Understands the scripted voice, at a cost. `calls` is what was asked, `running` how much of it goes on."""

    max_samples: int = 30 * EARS_RATE_HZ
    cost_s: float = 0.0
    cost_per_s: float = 0.0
    sleep: Sleep = asyncio.sleep
    calls: list[Heard] = field(default_factory=list)
    running: int = 0

    def __post_init__(self) -> None:
        self._errors: deque[AntiphonError] = deque()

    def fail(self, *errors: AntiphonError) -> None:
        """The next calls raise these, one each."""
        self._errors.extend(errors)

    def fail_no_more(self) -> None:
        """Errors that were not raised yet never will be."""
        self._errors.clear()

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
        call = Heard(len(audio), urgent, language, prompt)
        self.calls.append(call)
        self.running += 1
        try:
            await self.sleep(self.cost_s + self.cost_per_s * len(audio) / EARS_RATE_HZ)
        finally:
            self.running -= 1
        if self._errors:
            raise self._errors.popleft()
        call.text = understand(audio)
        return Transcript(call.text, language or "en")
