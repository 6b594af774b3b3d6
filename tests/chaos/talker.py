"""One caller: says something, listens to the echo of it, and keeps what was answered.

Now and then it hums, cuts in, or loses its line and comes back; where its server ends it goes on at the other one.
"""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from answers import RATE_HZ, Answer
from antiphon_core.resample import Resampler
from antiphon_orchestrator.cli.caller import FRAME_SAMPLES, Call, Told, Track, calling
from antiphon_orchestrator.ports import EARS_RATE_HZ
from antiphon_orchestrator.testing.voice import speak
from texts import HUM, text
from websockets.exceptions import ConnectionClosed, InvalidHandshake

ANSWERED_S = 60.0
"""Nobody waits longer for an answer to end, or for a connection."""
HUMS, CUTS_IN, DROPS = 0.15, 0.2, 0.05
"""In how many of the answers; DROPS: the line breaks."""
BREAK_S = 0.7
"""A microphone that stood still for so long says a sentence in two parts."""
_KEPT_S = 2.0
"""Of an answer that was heard for so long some is kept when the line breaks; else the mind would answer once more."""
_RESTARTED = 1012
"""How a server that ends hangs up."""
_AFTER_A_HUM_S = 1.5
"""What is said sooner may belong to it."""
_SILENCE = np.zeros(FRAME_SAMPLES, np.int16)
_UNTOLD = {"audio": {"input": {"transcription": None}}}


def echo(said: str) -> str:
    """What the language model makes of it."""
    return f"You said: {said}"


def _bare(text_: str) -> str:
    return "".join(text_.split())


@dataclass(slots=True)
class Ask:
    """Something said. `cut_in`: the caller did not wait for the end of its answer. `taken`: the server has told so.
    `broken`: this machine stood still while it was said, so that it may have been taken for several turns."""

    text: str
    cut_in: bool = False
    taken: bool = False
    broken: bool = False

    @property
    def expected(self) -> str:
        """What the echo says."""
        return echo(self.text)

    def is_answered_by(self, transcript: str) -> bool:
        """Whether that answers all of it or, where it was broken, the last part."""
        if not self.broken:
            return transcript == self.expected
        return self.is_about(transcript) and _bare(transcript).endswith(_bare(self.text)[-4:])

    def is_about(self, transcript: str) -> bool:
        """Whether that answers it or, where it was broken, a part of it."""
        part = _bare(transcript).removeprefix(_bare(echo("")))
        return transcript == self.expected or (self.broken and part in _bare(self.text + HUM))


@dataclass
class Talker:
    """Times are of the wall clock, as those in the servers' logs are. `sessions`: one for each connection."""

    number: int
    chance: random.Random
    servers: Sequence[str]
    asks: list[Ask] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    troubles: list[tuple[float, str]] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    hums: int = 0
    drops: int = 0
    moves: int = 0
    _call: Call | None = None
    _token: str = ""
    _refusal: str = ""
    _dropping: bool = False
    _breaks: int = 0
    _said_on: int = 0
    """The connection on which something was said to its end, by its number."""
    _over: bool = False
    _to_say: deque[Track] = field(default_factory=deque)
    _said: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _online: asyncio.Event = field(default_factory=asyncio.Event)

    async def stay_connected(self) -> None:
        """Calls, and calls again whenever the connection is gone."""
        place = self.number
        while not self._over:
            server = self.servers[place % len(self.servers)]
            place += 1
            try:
                async with calling(server, session=_UNTOLD, resume=self._token) as call:
                    self._connected(call)
                    if not self._over:
                        await call.socket.wait_closed()
                    self._gone(call)
            except (ConnectionError, InvalidHandshake, ConnectionClosed) as error:  # it ends, or is not there yet
                self._refusal = str(error)
                await asyncio.sleep(0.1)

    async def hang_up(self) -> None:
        """For good."""
        self._over = True
        if self._call is not None:
            await self._call.socket.close()

    async def microphone(self) -> None:
        """The line is open all the time; what is said while there is none is not heard."""
        while True:
            await self._online.wait()
            call, connection = self._call, self.moves
            assert call is not None
            track = self._to_say.popleft() if self._to_say else _SILENCE
            try:
                await self._speak(call, track)
                if track is not _SILENCE:
                    self._said_on = connection
            except ConnectionClosed:
                if call is self._call:
                    self._online.clear()
            if not self._to_say:
                self._said.set()

    async def talk(self, until: Callable[[], bool], *, calmly: bool = False) -> None:
        """One thing after another; at least one. What was asked last is heard to its end."""
        while True:
            ask = await self.ask()
            mood = 1.0 if calmly or until() else self.chance.random()
            if mood < CUTS_IN and await self._heard_some(ask):
                ask.cut_in = True
                continue
            if CUTS_IN <= mood < CUTS_IN + DROPS and await self._heard_some(ask, _KEPT_S):
                ask.cut_in = True
                await self._lose_the_line()
                continue
            if CUTS_IN + DROPS <= mood < CUTS_IN + DROPS + HUMS and await self._heard_some(ask):
                ask.broken |= not await self._say(HUM)
                self.hums += 1
                await asyncio.sleep(_AFTER_A_HUM_S)
            if not await self._until(lambda ask=ask: self._ended(ask)):  # type: ignore[misc]
                self._complain(f"{ask.expected!r} was never answered")
            if until():
                return
            await asyncio.sleep(self.chance.uniform(0.0, 0.6))

    async def ask(self) -> Ask:
        """Says something new; again, if the server went before it had taken it."""
        ask = Ask(text(self.chance))
        self.asks.append(ask)
        while not ask.taken:
            if not await self._until(self._online.is_set):
                self._complain(f"no server takes the call: {self._refusal}")
                break
            self._said_on = -1
            ask.broken |= not await self._say(ask.text)
            if not await self._until(lambda: ask.taken or self.moves > self._said_on):
                self._complain(f"{ask.text!r} was never heard")
                break
        return ask

    def take(self, told: Told) -> None:
        """Something came from the server."""
        event = told.event
        match told.type:
            case "session.created":
                self.sessions.append(event["session"]["id"])
            case "antiphon.session.resumable":
                self._token = event["token"]
            case "antiphon.session.resumed":
                self._compare(event["items"])
            case "input_audio_buffer.committed" if self.asks:
                self.asks[-1].taken = True
            case "response.created":
                response_id = event["response"]["id"]
                self.answers[response_id] = Answer(response_id, time.time())
            case "error":
                self._complain(f"error: {event['error']['message']}")
            case _:
                response_id = event.get("response_id") or event.get("response", {}).get("id")
                if response_id in self.answers:
                    _take(self.answers[response_id], event)
        self._news.set()

    # ---------------------------------------------------------------------- helpers

    def _connected(self, call: Call) -> None:
        for told in tuple(call.told):
            self.take(told)
        call.listeners.append(self._listener(call))
        self._call = call
        self._online.set()
        self._news.set()

    def _listener(self, call: Call) -> Callable[[Told], None]:
        def hear(told: Told) -> None:
            call.told.clear()
            call.heard.clear()
            self.take(told)

        return hear

    def _gone(self, call: Call) -> None:
        """The connection is, by our will or the server's."""
        self._online.clear()
        code = call.socket.close_code
        if self._dropping:
            for answer in self.answers.values():
                if not answer.status:
                    answer.status, answer.ended_s, answer.line_broke = "cancelled", time.time(), True
        elif code != _RESTARTED and not self._over:
            self._complain(f"the connection was lost: {code} {call.socket.close_reason!r}")
        self._dropping = False
        self.moves += 1
        self._news.set()

    async def _lose_the_line(self) -> None:
        """As when a network goes: nobody says goodbye."""
        await self._online.wait()
        assert self._call is not None
        self._dropping = True
        self.drops += 1
        self._online.clear()
        self._call.socket.transport.abort()
        await self._call.socket.wait_closed()

    def _compare(self, items: Sequence[dict[str, Any]]) -> None:
        """What the server remembers is what was said and heard."""
        texts = {item["id"]: str(item["content"][0].get("transcript") or "") for item in items if item.get("content")}
        said = [texts[item["id"]] for item in items if item.get("role") == "user" and item["id"] in texts]
        for ask in self.asks:
            if ask.taken and not ask.broken and said.count(ask.text) != 1:
                self._complain(f"after it was resumed the conversation has {ask.text!r} {said.count(ask.text)} times")
        for answer in self.answers.values():
            if answer.status == "cancelled" and answer.kept is None and answer.item_id:
                answer.kept = texts.get(answer.item_id, "")

    def _complain(self, trouble: str) -> None:
        self.troubles.append((time.time(), trouble))

    async def _speak(self, call: Call, track: Track) -> None:
        for start in range(0, len(track), FRAME_SAMPLES):
            began_s = time.monotonic()
            await call.speak(track[start : start + FRAME_SAMPLES])
            self._breaks += time.monotonic() - began_s > BREAK_S
        call.spoken.clear()

    async def _say(self, words: str) -> bool:
        """Whether without a break."""
        breaks = self._breaks
        resampler = Resampler(EARS_RATE_HZ, RATE_HZ)
        pcm = np.rint(speak(words) * 32_768).astype(np.int16)
        self._said.clear()
        self._to_say.append(np.concatenate((resampler.push(pcm), resampler.finish())))
        await self._said.wait()
        return self._breaks == breaks

    async def _heard_some(self, ask: Ask, at_least_s: float = 0.4) -> bool:
        """Whether a while of the answer was heard, and it goes on."""
        wanted_s = self.chance.uniform(at_least_s, 4.0)

        def enough() -> bool:
            return self._ended(ask) or any(answer.heard_s >= wanted_s for answer in self._answers_to(ask))

        await self._until(enough)
        return not self._ended(ask)

    def _answers_to(self, ask: Ask) -> list[Answer]:
        return [answer for answer in self.answers.values() if ask.is_answered_by(answer.transcript)]

    def _ended(self, ask: Ask) -> bool:
        return any(answer.status for answer in self._answers_to(ask))

    async def _until(self, condition: Callable[[], bool]) -> bool:
        try:
            async with asyncio.timeout(ANSWERED_S):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True


def _take(answer: Answer, event: dict[str, Any]) -> None:
    """Something of an answer came."""
    match event["type"]:
        case "response.output_audio_transcript.delta":
            answer.transcript += event["delta"]
        case "response.output_audio.delta":
            answer.item_id = event["item_id"]
            answer.hear(base64.b64decode(event["delta"]), time.time())
        case "antiphon.output.held":
            answer.wait()
        case "antiphon.output.resumed":
            answer.resumes += 1
            answer.wait()
        case "antiphon.output.interrupted":
            answer.kept = event["transcript"]
        case "response.done":
            answer.status, answer.ended_s = event["response"]["status"], time.time()


@asynccontextmanager
async def talker(servers: Sequence[str], seed: int, number: int) -> AsyncIterator[Talker]:
    """Calls one of the servers, and hangs up in the end."""
    somebody = Talker(number, random.Random(f"{seed}/{number}"), servers)
    connected = asyncio.create_task(somebody.stay_connected())
    speaking = asyncio.create_task(somebody.microphone())
    try:
        yield somebody
    finally:
        speaking.cancel()
        await somebody.hang_up()
        await asyncio.wait({connected, speaking})
        connected.result()
