"""Sentences are made in parallel where workers are idle, heard in turn, bounded, and ended as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from antiphon_core.audio import Frame
from antiphon_core.errors import EngineFailed
from antiphon_orchestrator.ports import SpeechEvent
from antiphon_orchestrator.speech import parallel
from antiphon_orchestrator.speech.parallel import MOST_AHEAD, InTurn
from antiphon_orchestrator.testing.virtual_time import clock_ms, virtually


class Makers:
    """So many workers; each makes a sentence of three events in three seconds."""

    def __init__(self, count: int, broken: int = -1) -> None:
        self.count = count
        self.broken = broken
        self.busy = 0
        self.most_busy = 0
        self.began: list[int] = []
        self.ended: list[int] = []
        self.turns = InTurn(lambda: max(0, self.count - self.busy))

    async def make(self, number: int, events: int = 3) -> AsyncGenerator[SpeechEvent, None]:
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        self.began.append(number)
        try:
            for place in range(events):
                await asyncio.sleep(1.0)
                if number == self.broken:
                    raise EngineFailed("it broke")
                yield Frame(number * 1000 + place, b"", 0)
        finally:
            self.busy -= 1
            self.ended.append(number)

    async def hear(self, sentences: int) -> list[int]:
        heard = []
        streams = [self.turns.add(self.make(number)) for number in range(sentences)]
        try:
            for stream in streams:
                async with aclosing(stream) as events:
                    async for event in events:
                        assert isinstance(event, Frame)
                        heard.append(event.seq)
        finally:
            await self.turns.close()
        return heard


EXPECTED = [number * 1000 + place for number in range(6) for place in range(3)]


@virtually
async def test_with_three_workers_six_sentences_take_the_time_of_two() -> None:
    makers = Makers(3)
    makers.turns.release()
    assert await makers.hear(6) == EXPECTED
    assert clock_ms() == 6_000
    assert makers.most_busy == 3


@virtually
async def test_without_an_idle_worker_each_is_made_in_its_turn() -> None:
    makers = Makers(0)
    makers.turns.release()
    assert await makers.hear(6) == EXPECTED
    assert clock_ms() == 18_000
    assert makers.most_busy == 1


@virtually
async def test_nothing_is_made_ahead_before_the_reply_counts() -> None:
    makers = Makers(3)
    hearing = asyncio.create_task(makers.hear(6))
    await asyncio.sleep(0.5)
    assert makers.began == [0]
    makers.turns.release()
    await asyncio.sleep(0.5)
    assert makers.began == [0, 1, 2]
    assert await hearing == EXPECTED


@virtually
async def test_so_many_are_made_ahead_and_no_more() -> None:
    makers = Makers(99)
    makers.turns.release()
    streams = [makers.turns.add(makers.make(number)) for number in range(9)]
    await asyncio.sleep(10.0)
    assert makers.began == list(range(MOST_AHEAD))
    await makers.turns.close()
    del streams


@virtually
async def test_a_sentence_made_ahead_waits_once_its_stock_is_full() -> None:
    makers = Makers(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "STOCK_EVENTS", 5)
        makers.turns.release()
        stream = makers.turns.add(makers.make(0, events=20))
    await asyncio.sleep(100.0)
    assert makers.busy == 1
    assert [event.seq async for event in stream if isinstance(event, Frame)] == list(range(20))
    await makers.turns.close()


@virtually
async def test_a_failure_is_told_in_its_turn() -> None:
    makers = Makers(3, broken=1)
    makers.turns.release()
    first, second = (makers.turns.add(makers.make(number)) for number in range(2))
    assert len([event async for event in first]) == 3
    with pytest.raises(EngineFailed, match="it broke"):
        await anext(second)
    await makers.turns.close()


@virtually
async def test_whoever_leaves_ends_all_of_it() -> None:
    makers = Makers(3)
    makers.turns.release()
    hearing = asyncio.create_task(makers.hear(6))
    await asyncio.sleep(1.5)
    assert makers.busy == 3
    hearing.cancel()
    await asyncio.wait({hearing})
    assert makers.busy == 0
    assert sorted(makers.ended) == makers.began == [0, 1, 2]
