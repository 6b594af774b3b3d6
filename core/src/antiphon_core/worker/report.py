"""Report: what became of an utterance, for its Finished, the metrics and the log."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon_core.utterance import Finished, Reason, Start
from antiphon_core.worker.voices import Speaker

CANCELLED = "cancelled"


@dataclass(slots=True)
class Report:
    """Filled while the utterance runs. `outcome` is complete, stopped, cancelled, or the condition that ended it."""

    model: str = ""
    voice: str = ""
    rate_hz: int = 0
    text_chars: int = 0
    samples: int = 0
    first_audio_ms: float = 0.0
    synth_ms: float = 0.0
    queue_ms: float = 0.0
    outcome: str = CANCELLED

    @property
    def audio_s(self) -> float:
        return self.samples / self.rate_hz if self.rate_hz else 0.0

    @property
    def rtf(self) -> float:
        """Seconds of synthesis for a second of speech; 0 where there was none."""
        return self.synth_ms / 1000 / self.audio_s if self.samples else 0.0

    def begin(self, start: Start, speaker: Speaker) -> None:
        self.model = speaker.model.id
        self.voice = speaker.public_id
        self.rate_hz = start.format.rate_hz

    def finished(self, reason: Reason) -> Finished:
        return Finished(reason, self.samples, self.first_audio_ms, self.synth_ms, self.queue_ms)
