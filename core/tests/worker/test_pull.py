from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pytest
from antiphon_core.audio import Frame, PcmChunk, PcmFormat, TextMark
from antiphon_core.errors import AntiphonError, BadText, EngineFailed
from antiphon_core.models import Model, SpeechRequest
from antiphon_core.testkit.clock import VirtualClock
from antiphon_core.worker.audio_path import AudioPath
from antiphon_core.worker.feed import Feed, Piece
from antiphon_core.worker.outbox import Outbox
from antiphon_core.worker.pull import Pull
from antiphon_core.worker.stopwatch import Stopwatch
from antiphon_core.worker.threads import Slot
from antiphon_core.worker.trim import TrimSettings
from worker import scripted
from worker.hosted import entries

PLAIN, STREAM = scripted.BUILT_IN[:2]


class WatchedOutbox(Outbox):
    """Tells when the engine's thread has come to ask for room."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._asked = threading.Event()

    def wait_for_room(self) -> bool:
        self._asked.set()
        return super().wait_for_room()

    async def engine_waits(self) -> None:
        await asyncio.to_thread(self._asked.wait, 5)
        self._asked.clear()


class WatchedFeed(Feed):
    """Tells when the engine's thread has come to wait for text."""

    def __init__(self) -> None:
        super().__init__()
        self.engine_waits = threading.Event()

    def __iter__(self) -> Iterator[Piece]:
        pieces = super().__iter__()
        while True:
            if self._pieces.empty():
                self.engine_waits.set()
            try:
                yield next(pieces)
            except StopIteration:
                return


class Run:
    """One pull in a thread of its own."""

    def __init__(self, model: Model, limit: int = 1_000, options: Mapping[str, str] | None = None) -> None:
        self.clock = VirtualClock()
        self.stopwatch = Stopwatch(self.clock)
        self.feed = WatchedFeed()
        self.outbox = WatchedOutbox(limit)
        path = AudioPath(PcmFormat(), TrimSettings(enabled=False))

        def ask(text: str) -> SpeechRequest:
            return SpeechRequest(text, "one", "en-US", options=options or {})

        self.pull = Pull(model, ask, self.feed, path, self.outbox, self.stopwatch, self.clock)
        self.slot = Slot("engine")

    def begin(self) -> asyncio.Future[None]:
        return self.slot.run(self.pull.run)

    def say(self, *pieces: Piece) -> None:
        for piece in pieces:
            self.feed.put(piece)
        self.feed.close()

    async def all(self) -> list[Frame | TextMark]:
        running = self.begin()
        events: list[Frame | TextMark] = []
        try:
            while (event := await self.outbox.take()) is not None:
                events += event if isinstance(event, list) else [event]
        finally:
            await running
            self.slot.close()
        return events


def audio_ms(events: Iterable[Frame | TextMark]) -> float:
    return sum(event.speech_samples for event in events if isinstance(event, Frame)) / 48


async def test_an_engine_that_needs_whole_sentences_gets_them_one_by_one() -> None:
    run = Run(scripted.ScriptedModel(PLAIN))
    run.say(Piece("one two. ", 0), Piece("three.", 9))
    events = await run.all()
    assert entries("speak") == ["one two. ", "three."]
    assert audio_ms(events) == 300
    assert [event.seq for event in events if isinstance(event, Frame)] == list(range(15))


async def test_an_engine_that_takes_arriving_text_gets_it_as_it_comes() -> None:
    run = Run(scripted.ScriptedModel(STREAM))
    running = run.begin()
    run.feed.put(Piece("one ", 0))
    first = await asyncio.wait_for(run.outbox.take(), 5)
    run.say(Piece("two", 4))
    rest: list[Frame | TextMark] = []
    while (event := await run.outbox.take()) is not None:
        rest += event if isinstance(event, list) else [event]
    await running
    assert entries("chunk") == ["one", "two"]
    assert first == TextMark(0, 3, 0)
    assert [event for event in rest if isinstance(event, TextMark)] == [TextMark(4, 3, 4_800)]


class Marking(scripted.ScriptedModel):
    """Marks its words, and takes whole sentences only."""

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        return scripted.ScriptedModel(STREAM).synthesize(request)


async def test_marks_point_into_the_whole_text_and_the_whole_audio() -> None:
    run = Run(Marking(PLAIN))
    run.say(Piece("one two. ", 0), Piece("three.", 9))
    marks = [event for event in await run.all() if isinstance(event, TextMark)]
    assert marks == [TextMark(0, 3, 0), TextMark(4, 4, 4_800), TextMark(9, 6, 9_600)]


async def test_the_generator_is_closed_in_the_thread_that_pulled_it() -> None:
    run = Run(scripted.ScriptedModel(PLAIN), limit=1)
    run.say(Piece("one two three four", 0))
    running = run.begin()
    await run.outbox.take()
    run.outbox.close()
    await running
    assert entries("close") == ["engine"]
    assert len(entries("chunk")) < 4


async def test_the_engine_is_not_pulled_while_nobody_takes() -> None:
    run = Run(scripted.ScriptedModel(PLAIN), limit=4)
    run.say(Piece("one two three four", 0))
    running = run.begin()
    await run.outbox.engine_waits()
    assert entries("chunk") == ["one"]
    await run.outbox.take()
    await run.outbox.engine_waits()
    assert entries("chunk") == ["one", "two"]
    run.outbox.close()
    await running


@pytest.mark.parametrize("place", ["first", "middle"])
async def test_what_an_engine_raises_ends_the_utterance_with_its_words(place: str) -> None:
    run = Run(scripted.ScriptedModel(PLAIN), options={"raise_at": place})
    run.say(Piece("one two", 0))
    with pytest.raises(EngineFailed, match=f"model 'plain' raised RuntimeError: broken at {place}"):
        await run.all()


async def test_a_sentence_that_cannot_be_spoken_is_passed_over() -> None:
    run = Run(scripted.ScriptedModel(PLAIN))
    run.say(Piece("one. ", 0), Piece("€€€", 5))
    assert audio_ms(await run.all()) == 100


async def test_a_text_of_which_nothing_can_be_spoken_is_an_error() -> None:
    run = Run(scripted.ScriptedModel(PLAIN))
    run.say(Piece("€€€. ", 0), Piece("$$$", 5))
    with pytest.raises(BadText):
        await run.all()


async def test_no_further_sentence_is_begun_once_nobody_listens() -> None:
    run = Run(scripted.ScriptedModel(PLAIN))
    run.say(Piece("one. ", 0), Piece("two.", 5))
    run.outbox.close()
    await run.all()
    assert len(entries("speak")) == 1


async def test_cutting_the_feed_ends_an_engine_that_waits_for_text() -> None:
    run = Run(scripted.ScriptedModel(STREAM))
    running = run.begin()
    run.feed.put(Piece("one ", 0))
    await asyncio.wait_for(run.outbox.take(), 5)
    run.outbox.close()
    run.feed.cut()
    await asyncio.wait_for(running, 5)


class Timed(Model):
    """Works two seconds on every chunk, of its clock."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(PLAIN)
        self._clock = clock

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        for _ in range(3):
            self._clock.advance(2)
            yield PcmChunk(np.zeros(2_400, np.int16), 24_000)


async def test_the_engines_time_is_counted_without_our_own() -> None:
    run = Run(scripted.ScriptedModel(PLAIN))
    run.pull._model = Timed(run.clock)
    run.say(Piece("one", 0))
    run.outbox.put = lambda events: run.clock.advance(100 if events else 0)  # type: ignore[method-assign]
    await run.all()
    assert run.stopwatch.total_s == 6
    assert run.pull.first_audio_s == 2


async def test_the_engines_time_stands_still_while_it_waits_for_text() -> None:
    run = Run(scripted.ScriptedModel(STREAM))
    run.feed.put(Piece("one ", 0))
    running = run.begin()
    await asyncio.to_thread(run.feed.engine_waits.wait, 5)
    run.clock.advance(100)
    run.say(Piece("two", 4))
    await running
    assert run.stopwatch.total_s == 0


async def test_an_engine_slow_over_its_chunks_may_work_as_far_ahead_as_it_needs() -> None:
    run = Run(scripted.ScriptedModel(PLAIN), limit=5)
    run.pull._model = Timed(run.clock)
    run.say(Piece("one", 0))
    await run.all()
    assert run.outbox.limit == 200  # twice the two seconds that a chunk takes


async def test_a_quick_engine_keeps_to_the_lead() -> None:
    run = Run(scripted.ScriptedModel(PLAIN), limit=5)
    run.say(Piece("one two three", 0))
    await run.all()
    assert run.outbox.limit == 5


async def test_an_iterator_without_close_is_pulled_all_the_same() -> None:
    class Bare(Model):
        def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
            return iter([PcmChunk(np.zeros(2_400, np.int16), 24_000)])

    run = Run(Bare(PLAIN))
    run.say(Piece("one", 0))
    assert audio_ms(await run.all()) == 100


async def test_conditions_of_the_engine_pass_as_they_are() -> None:
    class Refusing(Model):
        def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
            raise AntiphonError("mine")

    run = Run(Refusing(PLAIN))
    run.say(Piece("one", 0))
    with pytest.raises(AntiphonError, match="mine"):
        await run.all()
