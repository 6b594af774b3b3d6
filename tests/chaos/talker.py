"""One caller: says something, listens to the echo of it, hums or cuts in now and then, and keeps what was answered."""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from answers import RATE_HZ, Answer
from antiphon_core.resample import Resampler
from antiphon_orchestrator.cli.caller import FRAME_SAMPLES, Call, Told, Track, calling
from antiphon_orchestrator.ports import EARS_RATE_HZ
from antiphon_orchestrator.testing.voice import speak
from texts import HUM, text

ANSWERED_S = 60.0
"""Nobody waits longer for an answer to end."""
HUMS, CUTS_IN = 0.15, 0.2
"""How many of the answers."""
_AFTER_A_HUM_S = 1.5
"""What is said sooner may belong to it."""
_SILENCE = np.zeros(FRAME_SAMPLES, np.int16)


def echo(said: str) -> str:
    """What the language model makes of it."""
    return f"You said: {said}"


@dataclass(slots=True)
class Ask:
    """Something said. `cut_in`: the caller did not wait for the end of its answer."""

    text: str
    cut_in: bool = False

    @property
    def expected(self) -> str:
        """What the echo says."""
        return echo(self.text)


@dataclass
class Talker:
    """Times are of the wall clock, as those in the server's log are."""

    number: int
    chance: random.Random
    call: Call
    asks: list[Ask] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    troubles: list[tuple[float, str]] = field(default_factory=list)
    session_id: str = ""
    hums: int = 0
    lost: bool = False
    _to_say: deque[Track] = field(default_factory=deque)
    _said: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def microphone(self) -> None:
        """The line is open all the time."""
        while True:
            track = self._to_say.popleft() if self._to_say else _SILENCE
            await self.call.speak(track)
            self.call.spoken.clear()
            if not self._to_say:
                self._said.set()

    async def talk(self, until: Callable[[], bool], *, calmly: bool = False) -> None:
        """One thing after another; at least one. What was asked last is heard to its end."""
        while True:
            ask = await self.ask()
            mood = 1.0 if calmly else self.chance.random()
            if mood < CUTS_IN and not until() and await self._heard_some(ask):
                ask.cut_in = True
                continue
            if CUTS_IN <= mood < CUTS_IN + HUMS and await self._heard_some(ask):
                await self._say(HUM)
                self.hums += 1
                await asyncio.sleep(_AFTER_A_HUM_S)
            if not await self._until(lambda ask=ask: self._ended(ask)):  # type: ignore[misc]
                self._complain(f"{ask.expected!r} was never answered")
            if until() or self.lost:
                return
            await asyncio.sleep(self.chance.uniform(0.0, 0.6))

    async def ask(self) -> Ask:
        """Says something new."""
        ask = Ask(text(self.chance))
        self.asks.append(ask)
        await self._say(ask.text)
        return ask

    def take(self, told: Told) -> None:
        """Something came from the server."""
        self.call.told.clear()
        self.call.heard.clear()
        event, now_s = told.event, time.time()
        match told.type:
            case "session.created":
                self.session_id = event["session"]["id"]
            case "response.created":
                response_id = event["response"]["id"]
                self.answers[response_id] = Answer(response_id, now_s)
            case "response.output_audio_transcript.delta":
                self.answers[event["response_id"]].transcript += event["delta"]
            case "response.output_audio.delta":
                self.answers[event["response_id"]].hear(base64.b64decode(event["delta"]), now_s)
            case "antiphon.output.held":
                self.answers[event["response_id"]].wait()
            case "antiphon.output.resumed":
                answer = self.answers[event["response_id"]]
                answer.resumes += 1
                answer.wait()
            case "antiphon.output.interrupted":
                self.answers[event["response_id"]].kept = event["transcript"]
            case "response.done":
                answer = self.answers[event["response"]["id"]]
                answer.status, answer.ended_s = event["response"]["status"], now_s
            case "error":
                self._complain(f"error: {event['error']['message']}")
            case _:
                return
        self._news.set()

    def hung_up(self) -> None:
        """The connection is gone, and not by our will."""
        self.lost = True
        self._complain(f"the connection was lost: {self.call.socket.close_code} {self.call.socket.close_reason!r}")
        self._news.set()

    # ---------------------------------------------------------------------- helpers

    def _complain(self, trouble: str) -> None:
        self.troubles.append((time.time(), trouble))

    async def _say(self, words: str) -> None:
        resampler = Resampler(EARS_RATE_HZ, RATE_HZ)
        pcm = np.rint(speak(words) * 32_768).astype(np.int16)
        self._said.clear()
        self._to_say.append(np.concatenate((resampler.push(pcm), resampler.finish())))
        await self._said.wait()

    async def _heard_some(self, ask: Ask) -> bool:
        """Whether a while of the answer was heard, and it goes on."""
        wanted_s = self.chance.uniform(0.4, 4.0)

        def enough() -> bool:
            return self._ended(ask) or any(answer.heard_s >= wanted_s for answer in self._answers_to(ask))

        await self._until(enough)
        return not self._ended(ask)

    def _answers_to(self, ask: Ask) -> list[Answer]:
        return [answer for answer in self.answers.values() if answer.transcript == ask.expected]

    def _ended(self, ask: Ask) -> bool:
        return self.lost or any(answer.status for answer in self._answers_to(ask))

    async def _until(self, condition: Callable[[], bool]) -> bool:
        try:
            async with asyncio.timeout(ANSWERED_S):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def talker(server: str, seed: int, number: int) -> AsyncIterator[Talker]:
    """Calls, and hangs up in the end."""
    async with calling(server, session={"audio": {"input": {"transcription": None}}}) as call:
        somebody = Talker(number, random.Random(f"{seed}/{number}"), call)
        for told in tuple(call.told):
            somebody.take(told)
        call.listeners.append(somebody.take)
        speaking = asyncio.create_task(somebody.microphone())
        watching = asyncio.create_task(_watch(somebody))
        try:
            yield somebody
        finally:
            for task in (watching, speaking):
                task.cancel()
            await asyncio.wait({watching, speaking})


async def _watch(somebody: Talker) -> None:
    await somebody.call.socket.wait_closed()
    somebody.hung_up()
