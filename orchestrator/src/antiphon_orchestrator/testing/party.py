"""A conversation among scripted parts in virtual time: a caller who speaks text, and a session that answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, Llm, TurnDetector
from antiphon_orchestrator.session.commands import Commands
from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.session.conversation import UserMessage
from antiphon_orchestrator.session.ids import new_id
from antiphon_orchestrator.session.observer import Observer
from antiphon_orchestrator.session.outlet import ResponseSheet
from antiphon_orchestrator.session.parts import Parts, SessionSettings
from antiphon_orchestrator.session.planner import Wish
from antiphon_orchestrator.session.session import Session
from antiphon_orchestrator.testing.ears import ScriptedAsr, ScriptedTurnDetector, ScriptedVad
from antiphon_orchestrator.testing.protocol import check_server_event
from antiphon_orchestrator.testing.speech import ScriptedSpeech, words_heard
from antiphon_orchestrator.testing.virtual_time import clock_ms
from antiphon_orchestrator.testing.voice import silence, speak

_FRAME_SAMPLES = EARS_RATE_HZ // 50


@dataclass
class Listener:
    """The client's side: keeps every event and every frame with the time it came, and checks each event."""

    events: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    frames: list[tuple[int, str, bytes]] = field(default_factory=list)
    closed: tuple[int, str] | None = None

    def event(self, type_: str, /, **fields: Any) -> None:
        event = {"type": type_, "event_id": f"event_{len(self.events)}", **fields}
        check_server_event(event)
        self.events.append((clock_ms(), event))

    def audio(self, sheet: ResponseSheet, item_id: str, pcm: bytes) -> None:
        self.frames.append((clock_ms(), item_id, pcm))

    def close(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)

    def types(self, *, own: bool = False) -> list[str]:
        """The types of all events, ours too if asked for."""
        return [event["type"] for _, event in self.events if own or not event["type"].startswith("antiphon.")]

    def all(self, type_: str) -> list[dict[str, Any]]:
        return [event for _, event in self.events if event["type"] == type_]

    def when(self, type_: str) -> int:
        """When the first such event came."""
        return next(at_ms for at_ms, event in self.events if event["type"] == type_)

    def words(self, vocabulary: str | Iterable[str]) -> list[str]:
        """Which words were heard, in order."""
        known = vocabulary.split() if isinstance(vocabulary, str) else vocabulary
        return words_heard(b"".join(pcm for _, _, pcm in self.frames), known)

    @property
    def last_frame_ms(self) -> int:
        return self.frames[-1][0]


@dataclass
class Party:
    """Who takes part."""

    session: Session
    client: Listener
    speech: ScriptedSpeech
    asr: ScriptedAsr
    commands: Commands

    async def say(self, text: str) -> None:
        """The user says something."""
        await self.sound(speak(text))

    async def pause(self, ms: int) -> None:
        """The line is open and silent."""
        await self.sound(silence(ms * EARS_RATE_HZ // 1000))

    async def sound(self, samples: HeardSamples) -> None:
        """Plays samples into the session, a frame every 20 ms."""
        for start in range(0, len(samples), _FRAME_SAMPLES):
            self.session.hear(samples[start : start + _FRAME_SAMPLES])
            await asyncio.sleep(0.02)

    def write(self, text: str) -> str:
        """The user types something; the item's id."""
        item = UserMessage(new_id("item"), text)
        self.commands.create_item(item, None)
        return item.id

    async def ask(self, text: str, wish: Wish | None = None) -> dict[str, Any]:
        """The user types something and wants an answer, which is returned once it is done."""
        self.write(text)
        self.commands.create_response(wish or Wish())
        return await self.until("response.done", times=len(self.client.all("response.done")) + 1)

    async def until(self, type_: str, limit_ms: int = 20_000, *, times: int = 1) -> dict[str, Any]:
        """Keeps the line open until such an event has come so many times; returns the last of them."""
        end_ms = clock_ms() + limit_ms
        while len(found := self.client.all(type_)) < times:
            assert clock_ms() < end_ms, f"no {type_} in {limit_ms} ms; there came {self.client.types(own=True)}"
            await self.pause(20)
        return found[times - 1]


@asynccontextmanager
async def party(
    llm: Llm,
    *,
    settings: SessionSettings | None = None,
    config: SessionConfig | None = None,
    speech: ScriptedSpeech | None = None,
    asr: ScriptedAsr | None = None,
    turn_detector: TurnDetector | None = None,
    voices: Sequence[str] = ("scripted/one", "scripted/two"),
    observer: Observer | None = None,
    **parts: Any,
) -> AsyncIterator[Party]:
    """Begins a session and ends it; whatever it left running is an error of the loop it runs in."""
    client, speech, asr = Listener(), speech or ScriptedSpeech(), asr or ScriptedAsr(cost_s=0.05)
    detector = turn_detector or ScriptedTurnDetector(cost_s=0.05)
    shared = Parts(ScriptedVad, detector, asr, llm, speech, lambda: voices, observer or Observer(), **parts)
    session = Session(shared, settings or SessionSettings(), config or SessionConfig(), client, clock_ms)
    running = asyncio.create_task(session.run())
    await asyncio.sleep(0)
    try:
        yield Party(session, client, speech, asr, Commands(session))
    finally:
        session.hang_up()
        await running
    assert speech.running == 0, "an utterance was left running"
    assert asr.running == 0, "a recognition was left running"
