"""What all sessions of a server share, and what a deployment sets for each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from antiphon_core.audio import Frame
from antiphon_core.spans import NO_TRACER, Tracer

from antiphon_orchestrator.aliases import Aliases
from antiphon_orchestrator.ports import Asr, Llm, Speech, TurnDetector, Vad, VoiceChoice
from antiphon_orchestrator.session.observer import Observer
from antiphon_orchestrator.turn.hold import HoldSettings
from antiphon_orchestrator.turn.limits import LimitSettings


@dataclass(frozen=True, slots=True)
class Parts:
    """One of each. `new_vad` gives every session its own; `voices` lists public voice ids.

    `idle_workers`: how many could speak a further sentence beside those that speak. `apology`: what is heard, at a
    rate, when none can.
    """

    new_vad: Callable[[], Vad]
    turn_detector: TurnDetector | None
    asr: Asr
    llm: Llm
    speech: Speech
    voices: Callable[[], Sequence[str]]
    observer: Observer = field(default_factory=Observer)
    idle_workers: Callable[[VoiceChoice], int] = lambda _: 0
    apology: Callable[[int], Sequence[Frame]] = lambda _: ()
    tracer: Tracer = NO_TRACER


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """A deployment's choices. `hold_mode`: "silence" or "duck" while it is decided what the user's speech means.
    `log_text`: what is said may be logged."""

    instructions: str = ""
    voice: str = ""
    language: str = ""
    temperature: float | None = None
    apology: str = "Sorry, I lost my train of thought. Could you say that again?"
    context_tokens: int = 2_048
    answer_tokens: int = 256
    lead_ms: int = 60
    hold_mode: Literal["silence", "duck"] = "silence"
    speculate: bool = True
    log_text: bool = False
    max_item_chars: int = 20_000
    max_items: int = 2_000
    hold: HoldSettings = field(default_factory=HoldSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    aliases: Aliases = field(default_factory=Aliases)
