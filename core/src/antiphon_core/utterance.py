"""One utterance as messages: what a client sends to a worker and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from antiphon_core.audio import Frame, PcmFormat, TextMark


@dataclass(frozen=True, slots=True)
class Start:
    """Opens an utterance. `voice` is `model/voice`, `model`, or empty for the worker's default."""

    utterance_id: str = ""
    session_id: str = ""
    turn_id: str = ""
    voice: str = ""
    language: str = ""
    format: PcmFormat = field(default_factory=PcmFormat)
    speed: float = 1.0
    seed: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of what is to be said; nothing comes after the one that is `last`."""

    text: str
    last: bool = False


class Control(Enum):
    """Changes an utterance that runs."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Started:
    """A model is leased and about to speak, in this format."""

    worker: str
    model: str
    voice: str
    format: PcmFormat


class Reason(Enum):
    """Why an utterance ended without an error."""

    COMPLETE = "complete"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Finished:
    """How an utterance ended, and what it cost. `samples` is speech sent, padding apart."""

    reason: Reason
    samples: int
    first_audio_ms: float
    synth_ms: float
    queue_ms: float


UtteranceMessage = Start | Text | Control
SynthesisEvent = Started | Frame | TextMark | Finished
