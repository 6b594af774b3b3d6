"""Carries frames from engines to the client: feeds the playout with back-pressure and sends what each tick says."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Protocol

from antiphon_core.audio import FRAME_MS, Frame, TextMark
from antiphon_core.errors import AntiphonError

from antiphon_orchestrator.playout import Played, Playout, Utterance
from antiphon_orchestrator.ports import Handover, Speech, SpeechEvent, VoiceChoice

STOCK_FRAMES = 100
"""How much of a sentence is made in advance for an answer on trial: 2 s are enough to begin at once."""

Events = AsyncGenerator[SpeechEvent, None]

Clock = Callable[[], int]
"""Milliseconds that only grow."""


class Voices(Protocol):
    """What a mouth speaks through; see `Parts`."""

    @property
    def speech(self) -> Speech: ...

    @property
    def idle_workers(self) -> Callable[[VoiceChoice], int]: ...

    @property
    def apology(self) -> Callable[[int], Sequence[Frame]]: ...


class Mouth:
    """One session's voice. `on_played` is told what each tick sent and what was heard whole, in the same tick."""

    def __init__(self, playout: Playout, voices: Voices, clock: Clock, on_played: Callable[[Played], None]) -> None:
        self.playout = playout
        self._voices = voices
        self._apologised = False
        self._clock = clock
        self._on_played = on_played
        self._awake = asyncio.Event()
        self._ticked = asyncio.Event()

    async def run(self) -> None:
        """Ticks every 20 ms while there is something to play; sleeps otherwise. Runs until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._awake.wait()
            due_s = loop.time()
            while not self.playout.idle:
                self.tick()
                due_s += FRAME_MS / 1000
                await asyncio.sleep(max(0.0, due_s - loop.time()))
            self._awake.clear()

    def tick(self) -> None:
        """Sends what is due now."""
        played = self.playout.tick(self._clock())
        if played.frames or played.drained:
            self._on_played(played)
        self._ticked.set()
        self._ticked = asyncio.Event()

    def resume(self) -> None:
        """Goes on after a hold."""
        self.playout.resume()
        self._awake.set()

    def close_item(self, item_id: str) -> None:
        """No more utterances of the item will come; the playout tells when the last was heard."""
        self.playout.close_item(item_id)
        self._awake.set()

    def idle_workers(self, choice: VoiceChoice) -> int:
        """How many could speak a further sentence beside those that speak."""
        return self._voices.idle_workers(choice)

    def events(self, utterance: Utterance, choice: VoiceChoice, session_id: str, turn_id: str) -> Events:
        """What workers make of an utterance, for `say`; nothing is done before that is read."""
        return self._voices.speech.speak(
            utterance.script.text, choice, session_id=session_id, turn_id=turn_id, utterance_id=utterance.utterance_id
        )

    async def apologise(self, utterance: Utterance, rate_hz: int, released: asyncio.Event) -> None:
        """Says that no voice can be had, once until there is one again."""
        frames = self._voices.apology(rate_hz)
        if frames and not self._apologised:
            self._apologised = True
            stock: deque[Frame | TextMark | Handover] = deque(frames)
            if await self._open(utterance, released):
                await self._hand_over(utterance.utterance_id, stock)
                self.playout.close(utterance.utterance_id)

    async def say(self, utterance: Utterance, events: Events, released: asyncio.Event) -> bool:
        """Makes an utterance and hands it to the playout once `released`. False: it was flushed meanwhile.

        What an engine gave before it failed is heard all the same; then the failure is raised.
        """
        stock: deque[Frame | TextMark | Handover] = deque()
        opened = False
        failure: AntiphonError | None = None
        try:
            try:
                async with aclosing(events):
                    async for event in events:
                        if isinstance(event, Frame | TextMark | Handover):
                            stock.append(event)
                        if not released.is_set() and len(stock) < STOCK_FRAMES:
                            continue
                        opened = opened or await self._open(utterance, released)
                        if not opened or not await self._hand_over(utterance.utterance_id, stock):
                            return False
            except AntiphonError as error:
                failure = error
            opened = opened or await self._open(utterance, released)
            handed_over = opened and await self._hand_over(utterance.utterance_id, stock)
        finally:
            if opened:
                self.playout.close(utterance.utterance_id, broken=failure is not None)
        if failure is not None:
            raise failure
        self._apologised = False
        return handed_over

    async def _open(self, utterance: Utterance, released: asyncio.Event) -> bool:
        await released.wait()
        while not self.playout.can_open:
            await self._ticked.wait()
        return self.playout.open(utterance)

    async def _hand_over(self, utterance_id: str, stock: deque[Frame | TextMark | Handover]) -> bool:
        """Gives the playout what is in stock, waiting for room. False: the utterance was flushed."""
        while stock:
            event = stock.popleft()
            if not isinstance(event, Frame):
                self.playout.mark(utterance_id, event)
                continue
            while self.playout.is_open(utterance_id) and self.playout.room_frames(utterance_id) <= 0:
                await self._ticked.wait()
            if not self.playout.push(utterance_id, event):
                return False
            if not self._awake.is_set():
                self._awake.set()  # the ticker runs next: speech starts with its first frame
        return True
