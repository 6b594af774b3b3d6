"""Many who have texts spoken at once, again and again, and tell by ear whether every word came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from antiphon_adapter_tone.ears import words_in
from antiphon_core.audio import Frame
from antiphon_orchestrator.ports import VoiceChoice
from antiphon_orchestrator.speech.fleet_speech import FleetSpeech

from tests.fleet.listener import RATE_HZ, TEXT, WORDS

AS_SLOW_AS_SPEECH = {"rtf": "0.9"}
"""So that an utterance lasts as long as it would with a real engine, and nothing is in stock when a worker fails."""


@dataclass
class Crowd:
    """`heard`: the words of each utterance so far."""

    speech: FleetSpeech
    heard: list[list[str]] = field(default_factory=list)
    _enough: bool = False

    async def one(self) -> None:
        """A new session each time: one that goes on keeps its worker while that has room."""
        while not self._enough:
            self.heard.append(await spoken(self.speech))

    def hush(self) -> None:
        """What runs is spoken to its end."""
        self._enough = True

    @property
    def wrong(self) -> list[list[str]]:
        return [words for words in self.heard if words != WORDS]


async def spoken(speech: FleetSpeech) -> list[str]:
    pcm = bytearray()
    async for event in speech.speak(
        TEXT, VoiceChoice("tone", rate_hz=RATE_HZ, options=AS_SLOW_AS_SPEECH), session_id=uuid4().hex
    ):
        pcm += event.pcm if isinstance(event, Frame) else b""
    return words_in(bytes(pcm), RATE_HZ, dict.fromkeys(WORDS))


@asynccontextmanager
async def crowd(speech: FleetSpeech, number: int) -> AsyncIterator[Crowd]:
    """So many speak while the block runs; afterwards all have ended."""
    there = Crowd(speech)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(number):
            tasks.create_task(there.one())
        try:
            yield there
        finally:
            there.hush()
