"""Sentences of one reply, made in parallel where workers are idle, and spoken in turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from contextvars import copy_context

from antiphon_orchestrator.ports import SpeechEvent

MOST_AHEAD = 3
"""So many sentences are made before their turn."""
STOCK_EVENTS = 500
"""How much of each: ten seconds. Its engine waits then, which holds a place at its worker."""

Events = AsyncGenerator[SpeechEvent, None]


class _Ahead:
    """A sentence. Made in its turn at the latest; whoever reads it closes it."""

    def __init__(self, source: Events, turns: InTurn) -> None:
        self._source = source
        self._turns = turns
        self._stock: asyncio.Queue[SpeechEvent | None] = asyncio.Queue(STOCK_EVENTS)
        self._failure: Exception | None = None
        # Begun by whoever has a worker free: it still is this reply's work, to the log and in traces.
        self._context = copy_context()
        self.making: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self.making = asyncio.create_task(self._make(), name="make a sentence ahead", context=self._context)

    async def events(self) -> Events:
        self._turns.take(self)
        if self.making is None:
            async with aclosing(self._source) as events:
                async for event in events:
                    yield event
            return
        try:
            while (made := await self._stock.get()) is not None:
                yield made
            if self._failure is not None:
                raise self._failure
        finally:
            await self.close()

    async def close(self) -> None:
        if self.making is not None:
            self.making.cancel()
            await asyncio.wait({self.making})
        await self._source.aclose()

    async def _make(self) -> None:
        try:
            async with aclosing(self._source) as events:
                async for event in events:
                    await self._stock.put(event)
        except Exception as error:
            self._failure = error  # raised when its turn comes
        self._turns.hurry()
        await self._stock.put(None)


class InTurn:
    """One reply's. `idle_workers`: how many could make one more sentence without keeping anybody waiting."""

    def __init__(self, idle_workers: Callable[[], int]) -> None:
        self._idle_workers = idle_workers
        self._waiting: deque[_Ahead] = deque()
        self._may_hurry = False

    def add(self, source: Events) -> Events:
        """The same events. To be read in the order of `add`, each to its end."""
        sentence = _Ahead(source, self)
        self._waiting.append(sentence)
        self.hurry()
        return sentence.events()

    def release(self) -> None:
        """The reply is wanted: from now on work may be done ahead."""
        self._may_hurry = True
        self.hurry()

    def hurry(self) -> None:
        """Begins further sentences where there are workers for them; the next one waits for nobody's sake."""
        if not self._may_hurry:
            return
        later = [sentence for sentence in list(self._waiting)[:MOST_AHEAD] if sentence.making is None]
        if later:
            for sentence in later[: self._idle_workers()]:
                sentence.begin()

    def take(self, sentence: _Ahead) -> None:
        """It is this one's turn."""
        self._waiting.remove(sentence)
        asyncio.get_running_loop().call_soon(self.hurry)

    async def close(self) -> None:
        """Ends whatever is being made, and what waits."""
        self._may_hurry = False
        while self._waiting:
            await self._waiting.popleft().close()
