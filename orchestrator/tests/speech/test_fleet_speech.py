"""Speech through real gRPC: workers that refuse, hang, die or end at any stage, and who speaks instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from antiphon_core.audio import Frame
from antiphon_core.errors import AntiphonError, Draining, EngineFailed, Full, UnknownVoice, WorkerGone
from antiphon_core.utterance import Finished, Start, Started, SynthesisEvent
from antiphon_orchestrator.ports import VoiceChoice
from antiphon_orchestrator.speech.client import SpeechClient
from antiphon_orchestrator.speech.fleet_speech import FleetSpeech, pick_two_at_random
from antiphon_orchestrator.testing.server import ScriptedFleet, eventually
from antiphon_orchestrator.testing.server import worker as record
from antiphon_orchestrator.testing.speech import words_heard
from antiphon_orchestrator.testing.worker import Fate, Script, ScriptedWorker, Stage

pytestmark = pytest.mark.integration

TEXT = "One two three."
CHOICE = VoiceChoice("scripted/one", rate_hz=24_000)


def pick_the_first(count: int) -> tuple[int, int]:
    return 0, 0


@dataclass
class Fleet:
    """Speech over some workers, asked in their order."""

    speech: FleetSpeech
    fleet: ScriptedFleet
    workers: list[ScriptedWorker]
    failovers: list[None] = field(default_factory=list)

    async def say(self, session_id: str = "") -> list[SynthesisEvent]:
        return [event async for event in self.speech.speak(TEXT, CHOICE, session_id=session_id)]

    @property
    def asked(self) -> list[int]:
        return [len(worker.starts) for worker in self.workers]


@asynccontextmanager
async def fleet_of(*workers: ScriptedWorker, **limits: float) -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(worker.serving()) for worker in workers]
        client = SpeechClient(**limits)
        stack.push_async_callback(client.close)
        records = [replace(record(address), address=address) for address in addresses]
        known = ScriptedFleet(*records)
        failovers: list[None] = []
        speech = FleetSpeech(known, client, pick_the_first, lambda: failovers.append(None))
        yield Fleet(speech, known, list(workers), failovers)
        assert speech.in_flight() == {}
        await eventually(lambda: not any(worker.running for worker in workers))


def heard(events: list[SynthesisEvent]) -> list[str]:
    return words_heard(b"".join(event.pcm for event in events if isinstance(event, Frame)), TEXT.split())


async def test_an_utterance_is_spoken_from_started_to_finished() -> None:
    async with fleet_of(ScriptedWorker()) as fleet:
        stream = fleet.speech.speak(TEXT, CHOICE, session_id="s", turn_id="t", utterance_id="u")
        events = [event async for event in stream]
        assert isinstance(events[0], Started)
        assert isinstance(events[-1], Finished)
        assert heard(events) == TEXT.split()
        (start,) = fleet.workers[0].starts
        assert (start.session_id, start.turn_id, start.utterance_id) == ("s", "t", "u")
        assert (start.voice, start.format.rate_hz) == ("scripted/one", 24_000)
        assert fleet.workers[0].texts == [TEXT]


@pytest.mark.parametrize(
    "fate",
    [
        (Stage.BEFORE_STARTED, Full("busy")),
        (Stage.BEFORE_STARTED, Draining("it ends")),
        (Stage.AFTER_STARTED, EngineFailed("it raised")),
        (Stage.BEFORE_STARTED, Fate.DIES),
        (Stage.AFTER_STARTED, Fate.DIES),
        (Stage.BEFORE_STARTED, Fate.HANGS),
        (Stage.AFTER_STARTED, Fate.HANGS),
        (Stage.AFTER_STARTED, Fate.ENDS),
    ],
    ids=str,
)
async def test_as_long_as_nothing_was_heard_another_worker_speaks(fate: Script) -> None:
    first, second = ScriptedWorker(fate), ScriptedWorker()
    async with fleet_of(first, second, started_s=0.3, between_s=0.3) as fleet:
        assert heard(await fleet.say()) == TEXT.split()
        assert fleet.asked == [1, 1]
        assert len(fleet.failovers) == 1


@pytest.mark.parametrize(
    ("fate", "condition"),
    [
        ((Stage.AFTER_SOME_FRAMES, EngineFailed("it raised")), EngineFailed),
        ((Stage.AFTER_SOME_FRAMES, Fate.DIES), WorkerGone),
        ((Stage.AFTER_SOME_FRAMES, Fate.HANGS), WorkerGone),
        ((Stage.AT_THE_END, Fate.ENDS), WorkerGone),
        ((Stage.BEFORE_STARTED, UnknownVoice("there is no such voice")), UnknownVoice),
    ],
    ids=str,
)
async def test_what_cannot_be_mended_is_raised(fate: Script, condition: type[AntiphonError]) -> None:
    async with fleet_of(ScriptedWorker(fate), ScriptedWorker(), between_s=0.3) as fleet:
        with pytest.raises(condition):
            await fleet.say()
        assert fleet.asked == [1, 0]


async def test_where_all_fail_the_first_failure_is_told() -> None:
    fates: list[Script] = [(Stage.BEFORE_STARTED, Full("busy")), (Stage.BEFORE_STARTED, EngineFailed("it raised"))]
    async with fleet_of(*(ScriptedWorker(fate) for fate in fates)) as fleet:
        with pytest.raises(Full, match="busy"):
            await fleet.say()
        assert fleet.asked == [1, 1]


async def test_nobody_waits_for_a_worker_that_is_not_there() -> None:
    client = SpeechClient(started_s=0.5)
    try:
        with pytest.raises(WorkerGone):
            await anext(client.speak("127.0.0.1:1", Start(), TEXT))
    finally:
        await client.close()


async def test_a_listener_who_leaves_ends_the_work_behind_it() -> None:
    async with fleet_of(ScriptedWorker((Stage.AFTER_SOME_FRAMES, Fate.HANGS))) as fleet:
        async with aclosing(fleet.speech.speak(TEXT, CHOICE)) as events:
            async for event in events:
                if isinstance(event, Frame):
                    break
            assert sum(fleet.speech.in_flight().values()) == 1
        await eventually(lambda: fleet.workers[0].running == 0)
        assert fleet.speech.in_flight() == {}


async def test_a_task_that_is_cancelled_ends_the_work_behind_it() -> None:
    async with fleet_of(ScriptedWorker((Stage.AFTER_STARTED, Fate.HANGS))) as fleet:
        speaking = asyncio.create_task(fleet.say())
        await eventually(lambda: fleet.workers[0].running)
        speaking.cancel()
        await asyncio.wait({speaking})
        await eventually(lambda: fleet.workers[0].running == 0)


async def test_a_session_keeps_its_worker_until_that_is_gone() -> None:
    async with fleet_of(ScriptedWorker(), ScriptedWorker()) as fleet:
        known = fleet.fleet.workers()
        fleet.fleet.become(known[1])
        await fleet.say("s")
        fleet.fleet.become(*known)
        await fleet.say("s")
        await fleet.say("another")
        assert fleet.asked == [1, 2]
        fleet.fleet.become(known[0])
        await fleet.say("s")
        assert fleet.asked == [2, 2]


async def test_without_any_worker_it_says_how_to_start_one() -> None:
    async with fleet_of() as fleet:
        with pytest.raises(WorkerGone, match="start one with"):
            await fleet.say()


def test_two_places_are_different() -> None:
    assert {len(set(pick_two_at_random(2))) for _ in range(20)} == {2}
