"""Somebody who hears what a conversation's mouth says through a fleet, in real time, and tells the words by ear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from antiphon_adapter_tone.ears import words_in
from antiphon_core.audio import Frame
from antiphon_core.registry.base import Fleet
from antiphon_core.registry.urls import fleet_for
from antiphon_core.wire.dialer import PLAIN, Dialer
from antiphon_orchestrator.playout import Played, Playout, PlayoutSettings, Utterance
from antiphon_orchestrator.ports import VoiceChoice
from antiphon_orchestrator.session.mouth import Mouth
from antiphon_orchestrator.speech.client import Patience, SpeechClient
from antiphon_orchestrator.speech.fleet_speech import FleetSpeech
from antiphon_orchestrator.speech.trust import TrustedFleet
from antiphon_orchestrator.testing.server import eventually
from antiphon_orchestrator.utterance_line import Script

RATE_HZ = 24_000
TEXT = "A dozen old friends quietly walked home along the winding river, singing songs about summer and distant hills."
WORDS = TEXT.replace(",", "").replace(".", "").split()


@dataclass
class Told:
    """What came of one utterance. `gap_ms`: the longest time that the listener heard nothing in the middle of it."""

    words: list[str]
    gap_ms: float
    failure: Exception | None
    failovers: int


@dataclass
class Voice:
    """Fleets without anything beside."""

    speech: FleetSpeech
    idle_workers: Callable[[VoiceChoice], int] = lambda _: 0
    apology: Callable[[int], Sequence[Frame]] = lambda _: ()


@dataclass
class Listener:
    """Hears one utterance after another."""

    speech: FleetSpeech
    fleet: Fleet
    failovers: list[float] = field(default_factory=list)
    """When each was noticed, in seconds of the monotonic clock."""
    _pcm: bytearray = field(default_factory=bytearray)
    _drained: asyncio.Event = field(default_factory=asyncio.Event)
    _count: int = 0
    _playout: Playout = field(default_factory=Playout)
    gaps_ms: list[float] = field(default_factory=list)
    """Each time that the listener heard nothing in the middle of the last utterance."""
    _missed_ms: float = 0.0

    def names(self) -> set[str]:
        return {record.description.worker for record in self.fleet.workers()}

    @property
    def speaking(self) -> str:
        """The address of the worker that speaks now."""
        return next(iter(self.speech.in_flight()), "")

    def prefer(self, address: str) -> None:
        """Has the next utterance begin there: the session spoke through that worker before."""
        self.speech._kept["session"] = address

    @property
    def heard_ms(self) -> float:
        """How much of the utterance was sent to the listener."""
        return len(self._pcm) / (RATE_HZ * 2) * 1000

    async def hear(self, text: str = TEXT, **choice: object) -> Told:
        """Listens to a text until it is over."""
        self._pcm.clear()
        self._drained.clear()
        self._count += 1
        before, item = len(self.failovers), f"item-{self._count}"
        self._playout = Playout(PlayoutSettings(rate_hz=RATE_HZ))
        self._missed_ms = 0.0
        self.gaps_ms.clear()
        mouth = Mouth(self._playout, Voice(self.speech), lambda: time.monotonic_ns() // 1_000_000, self._on_played)
        ticking = asyncio.create_task(mouth.run())
        released = asyncio.Event()
        released.set()
        failure: Exception | None = None
        try:
            utterance = Utterance(f"utt-{self._count}", item, 1, Script(text))
            voice = VoiceChoice("tone", rate_hz=RATE_HZ, **choice)  # type: ignore[arg-type]
            await mouth.say(utterance, mouth.events(utterance, voice, "session", "turn"), released)
        except Exception as error:
            failure = error
        mouth.close_item(item)
        if self._pcm:
            await self._drained.wait()
        ticking.cancel()
        await asyncio.wait({ticking})
        vocabulary = dict.fromkeys(text.replace(",", "").replace(".", "").split())
        words = words_in(bytes(self._pcm), RATE_HZ, vocabulary)
        return Told(words, max(self.gaps_ms, default=0.0), failure, len(self.failovers) - before)

    def _on_played(self, played: Played) -> None:
        for frame in played.frames:
            self._pcm += frame.pcm
        missed_ms = self._playout.stats.underrun_ms
        if missed_ms > self._missed_ms:
            self.gaps_ms.append(missed_ms - self._missed_ms)
        self._missed_ms = missed_ms
        if played.drained:
            self._drained.set()


@asynccontextmanager
async def listening(
    registry: str, count: int, patience: Patience | None = None, dialer: Dialer = PLAIN
) -> AsyncIterator[Listener]:
    """Over a fleet of so many workers that are spoken to, once they are seen."""
    fleet = TrustedFleet(fleet_for(registry, dialer), tls=dialer.tls)
    failovers: list[float] = []
    speech = FleetSpeech(
        fleet, SpeechClient(dialer), on_failover=lambda _: failovers.append(time.monotonic()), patience=patience
    )
    following = asyncio.create_task(fleet.run())
    try:
        await eventually(lambda: len(fleet.workers()) == count, 20.0)
        yield Listener(speech, fleet, failovers)
    finally:
        following.cancel()
        await asyncio.wait({following})
        await speech.close()
