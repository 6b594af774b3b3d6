"""Speech through real gRPC: workers that refuse, hang, die or end at any stage, and who speaks instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from antiphon_core.audio import Frame, TextMark
from antiphon_core.errors import (
    AntiphonError,
    BadText,
    Draining,
    EngineFailed,
    EngineStalled,
    Full,
    UnknownVoice,
    WorkerGone,
)
from antiphon_core.registry.base import Load, ModelState, ModelStatus, WorkerRecord
from antiphon_core.spans import Headers
from antiphon_core.utterance import Finished, Start, Started, SynthesisEvent
from antiphon_orchestrator.ports import Handover, SpeechEvent, VoiceChoice
from antiphon_orchestrator.speech import fleet_speech
from antiphon_orchestrator.speech.client import Patience, SpeechClient
from antiphon_orchestrator.speech.fleet_speech import MOST_TRIES, FleetSpeech, patience_with, pick_two_at_random
from antiphon_orchestrator.speech.policies import Rules
from antiphon_orchestrator.speech.router import Route
from antiphon_orchestrator.testing.server import ScriptedFleet, eventually
from antiphon_orchestrator.testing.server import worker as record
from antiphon_orchestrator.testing.speech import FRAMES_PER_WORD, words_heard
from antiphon_orchestrator.testing.worker import Fate, Script, ScriptedWorker, Stage

pytestmark = pytest.mark.integration

TEXT = "One two three."
CHOICE = VoiceChoice("scripted/one", rate_hz=24_000)


HANGS = 0.3
QUICK = {
    Stage.BEFORE_STARTED: Patience(started_s=HANGS),
    Stage.AFTER_STARTED: Patience(first_s=HANGS),
    Stage.AFTER_SOME_FRAMES: Patience(between_s=HANGS),
}


class Client(SpeechClient):
    """Waits but a moment where a worker hangs by its script, and long for all else: that is only slow."""

    def __init__(self, workers: Sequence[ScriptedWorker]) -> None:
        super().__init__()
        self._workers = workers

    def speak(
        self, record: WorkerRecord, start: Start, text: str, patience: Patience, headers: Headers = ()
    ) -> AsyncGenerator[SynthesisEvent, None]:
        stage = next(worker.hangs_next for worker in self._workers if worker.address == record.address)
        return super().speak(record, start, text, QUICK[stage] if stage else patience, headers)


def pick_the_first(count: int) -> tuple[int, int]:
    return 0, 0


@dataclass
class Fleet:
    """Speech over some workers, asked in their order."""

    speech: FleetSpeech
    fleet: ScriptedFleet
    workers: list[ScriptedWorker]
    failovers: list[None] = field(default_factory=list)

    async def say(self, session_id: str = "") -> list[SpeechEvent]:
        return [event async for event in self.speech.speak(TEXT, CHOICE, session_id=session_id)]

    @property
    def asked(self) -> list[int]:
        return [len(worker.starts) for worker in self.workers]


@asynccontextmanager
async def fleet_of(*workers: ScriptedWorker, **rules: Any) -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(worker.serving()) for worker in workers]
        records = [replace(record(address), address=address) for address in addresses]
        known = ScriptedFleet(*records)
        failovers: list[None] = []
        speech = FleetSpeech(known, Client(workers), pick_the_first, lambda _: failovers.append(None), Rules(**rules))
        stack.push_async_callback(speech.close)
        yield Fleet(speech, known, list(workers), failovers)
        assert speech.in_flight() == {}
        await eventually(lambda: not any(worker.running for worker in workers))


def heard(events: list[SpeechEvent]) -> list[str]:
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
    async with fleet_of(first, second) as fleet:
        assert heard(await fleet.say()) == TEXT.split()
        assert fleet.asked == [1, 1]
        assert len(fleet.failovers) == 1


@pytest.mark.parametrize(
    ("fate", "condition"),
    [
        ((Stage.BEFORE_STARTED, UnknownVoice("there is no such voice")), UnknownVoice),
        ((Stage.BEFORE_STARTED, BadText("nobody can say that")), BadText),
    ],
    ids=str,
)
async def test_what_cannot_be_mended_is_raised(fate: Script, condition: type[AntiphonError]) -> None:
    async with fleet_of(ScriptedWorker(fate), ScriptedWorker()) as fleet:
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
    client = SpeechClient()
    try:
        with pytest.raises(WorkerGone):
            await anext(client.speak(replace(record(), address="127.0.0.1:1"), Start(), TEXT, Patience()))
    finally:
        await client.close()


@pytest.mark.parametrize(
    "fate",
    [
        (Stage.AFTER_SOME_FRAMES, EngineFailed("it raised")),
        (Stage.AFTER_SOME_FRAMES, EngineStalled("it hangs")),
        (Stage.AFTER_SOME_FRAMES, Fate.DIES),
        (Stage.AFTER_SOME_FRAMES, Fate.HANGS),
        (Stage.AFTER_SOME_FRAMES, Fate.ENDS),
        (Stage.AT_THE_END, Fate.ENDS),
    ],
    ids=str,
)
async def test_in_the_middle_another_worker_goes_on_with_the_word_that_was_being_made(fate: Script) -> None:
    async with fleet_of(ScriptedWorker(fate), ScriptedWorker()) as fleet:
        events = await fleet.say()
        (handover,) = [event for event in events if isinstance(event, Handover)]
        word = "three." if fate[0] is Stage.AT_THE_END else "One"
        assert fleet.workers[1].texts == [TEXT[TEXT.index(word) :]]
        made = TEXT.split().index(word) * FRAMES_PER_WORD * 480
        assert handover == Handover(TEXT.index(word), made)
        after = events[events.index(handover) + 1 :]
        assert heard(after) == TEXT[TEXT.index(word) :].split()
        (mark, *_) = [event for event in after if isinstance(event, TextMark)]
        assert (mark.text_offset, mark.sample_offset) == (handover.text_offset, made)
        numbers = [event.seq for event in events if isinstance(event, Frame)]
        assert numbers == list(range(len(numbers)))
        (finished,) = [event for event in events if isinstance(event, Finished)]
        assert finished.samples == len(numbers) * 480
        assert len(fleet.failovers) == 1


async def test_a_text_that_breaks_every_engine_is_given_up() -> None:
    workers = [ScriptedWorker((Stage.AFTER_SOME_FRAMES, EngineFailed(f"{number}"))) for number in range(6)]
    async with fleet_of(*workers) as fleet:
        with pytest.raises(EngineFailed, match="0"):
            await fleet.say()
        assert sum(fleet.asked) == MOST_TRIES


@pytest.mark.parametrize("fate", [Draining("it ends"), Fate.DIES], ids=str)
async def test_workers_that_never_took_the_text_say_nothing_about_it(fate: Fate | AntiphonError) -> None:
    workers = [ScriptedWorker((Stage.BEFORE_STARTED, fate)) for _ in range(MOST_TRIES)]
    async with fleet_of(*workers, ScriptedWorker()) as fleet:
        assert heard(await fleet.say()) == TEXT.split()


async def test_a_text_on_which_each_makes_progress_is_never_given_up() -> None:
    text = "One two three four five six seven."
    assert len(text.split()) > MOST_TRIES + 2
    workers = [ScriptedWorker(*[(Stage.IN_THE_SECOND_WORD, Fate.ENDS)] * 5) for _ in range(2)]
    async with fleet_of(*workers) as fleet:
        events = [event async for event in fleet.speech.speak(text, CHOICE)]
        assert sum(fleet.asked) == len(text.split())
        frames = [event for event in events if isinstance(event, Frame)]
        assert words_heard(b"".join(frame.pcm for frame in frames), text.split()) == text.split()


async def test_who_failed_may_go_on_once_it_was_started_again() -> None:
    first = ScriptedWorker((Stage.AFTER_SOME_FRAMES, Fate.ENDS))
    second = ScriptedWorker((Stage.AFTER_SOME_FRAMES, Fate.HANGS))
    async with fleet_of(first, second) as fleet:
        speaking = asyncio.create_task(fleet.say())
        await eventually(lambda: second.running)
        known, other = fleet.fleet.workers()
        fleet.fleet.become(replace(known, description=replace(known.description, incarnation="2")), other)
        assert heard(await speaking) == TEXT.split()
        assert fleet.asked == [2, 1]


async def test_who_failed_rests_and_gets_the_next_utterance_only_later() -> None:
    async with fleet_of(ScriptedWorker((Stage.BEFORE_STARTED, Fate.ENDS)), ScriptedWorker()) as fleet:
        await fleet.say()
        await fleet.say()
        assert fleet.asked == [1, 2]


async def test_a_stand_in_speaks_while_the_model_that_is_wanted_is_loaded() -> None:
    wanted, stand_in = ScriptedWorker(), ScriptedWorker()
    async with fleet_of(wanted, stand_in, fallbacks={"slow": "scripted"}) as fleet:
        slow = replace(fleet.fleet.workers()[0].description.models[0].info, id="slow")
        cold, warm = fleet.fleet.workers()
        models = (ModelStatus(slow, ModelState.AVAILABLE),)
        cold = replace(cold, description=replace(cold.description, models=models, default_model="slow"))
        fleet.fleet.become(cold, warm)
        for _ in range(2):
            async for _event in fleet.speech.speak(TEXT, VoiceChoice("slow")):
                pass
        assert fleet.asked == [0, 2]
        await eventually(lambda: wanted.loads == ["slow"])
        hot = replace(cold, description=replace(cold.description, models=(ModelStatus(slow, ModelState.RESIDENT),)))
        fleet.fleet.become(hot, warm)
        async for _event in fleet.speech.speak(TEXT, VoiceChoice("slow")):
            pass
        assert fleet.asked == [1, 2]


async def test_the_rules_may_change_between_two_sentences() -> None:
    async with fleet_of(ScriptedWorker()) as fleet:
        with pytest.raises(UnknownVoice):
            await anext(fleet.speech.speak(TEXT, VoiceChoice("later")))
        fleet.speech.route_by(Rules(fallbacks={"later": "scripted/two"}))
        async for _event in fleet.speech.speak(TEXT, VoiceChoice("later")):
            pass
        assert [start.voice for start in fleet.workers[0].starts] == ["scripted/two"]


async def test_idle_workers_are_those_beside_the_one_that_speaks() -> None:
    async with fleet_of(ScriptedWorker((Stage.AFTER_STARTED, Fate.HANGS)), ScriptedWorker()) as fleet:
        assert fleet.speech.idle_workers(CHOICE) == 2
        speaking = asyncio.create_task(fleet.say())
        await eventually(lambda: fleet.workers[0].running)
        assert fleet.speech.idle_workers(CHOICE) == 1
        fleet.fleet.become(fleet.fleet.workers()[0])
        assert fleet.speech.idle_workers(CHOICE) == 0
        speaking.cancel()
        await asyncio.wait({speaking})


async def test_a_sessions_second_sentence_at_once_goes_where_there_is_room() -> None:
    hangs = (Stage.AFTER_SOME_FRAMES, Fate.HANGS)
    async with fleet_of(ScriptedWorker(hangs), ScriptedWorker()) as fleet:
        one, two = fleet.fleet.workers()
        roomy = replace(one.description.models[0].info, max_concurrency=9)
        models = (ModelStatus(roomy, ModelState.RESIDENT),)
        fleet.fleet.become(*(replace(r, description=replace(r.description, models=models)) for r in (one, two)))
        fleet.speech._pick_two = lambda count: (0, 1)
        speaking = asyncio.create_task(fleet.say("s"))
        await eventually(lambda: fleet.workers[0].running)
        await fleet.say("s")
        assert fleet.asked == [1, 1]
        speaking.cancel()
        await asyncio.wait({speaking})


async def test_connections_to_workers_that_left_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_speech, "_SPARE_CHANNELS", 0)
    async with fleet_of(ScriptedWorker(), ScriptedWorker()) as fleet:
        both = fleet.fleet.workers()
        for known in both:
            fleet.fleet.become(known)
            await fleet.say()
        assert fleet.speech._client.channels == 2
        await fleet.say()
        assert fleet.speech._client.channels == 1


async def test_a_worker_restarted_at_its_address_gets_a_new_connection() -> None:
    async with fleet_of(ScriptedWorker()) as fleet:
        await fleet.say()
        (known,) = fleet.fleet.workers()
        fleet.fleet.become(replace(known, description=replace(known.description, incarnation="2")))
        assert heard(await fleet.say()) == TEXT.split()
        assert fleet.speech._client.channels == 1


async def test_what_a_restarted_worker_speaks_on_its_old_connection_is_heard_to_its_end() -> None:
    async with fleet_of(ScriptedWorker()) as fleet:
        events: list[SpeechEvent] = []
        async with aclosing(fleet.speech.speak(TEXT, CHOICE)) as speaking:
            async for event in speaking:
                if not events:  # only now is it known that it was another one all the time
                    (known,) = fleet.fleet.workers()
                    fleet.fleet.become(replace(known, description=replace(known.description, incarnation="2")))
                    assert heard(await fleet.say()) == TEXT.split()
                events.append(event)
        assert heard(events) == TEXT.split()
        assert fleet.asked == [2]


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


@pytest.mark.parametrize(
    ("resident", "busy", "usual_ms", "started_s", "first_s"),
    [
        (True, 0.5, 0.0, 3.0, 10.0),
        (True, 1.0, 0.0, 10.0, 10.0),
        (False, 0.0, 0.0, 120.0, 10.0),
        (True, 0.0, 80.0, 3.0, 3.0),
        (True, 0.0, 500.0, 3.0, 5.0),
        (True, 0.0, 9_000.0, 3.0, 10.0),
    ],
)
def test_patience_is_what_a_worker_needs_by_what_it_says(
    resident: bool, busy: float, usual_ms: float, started_s: float, first_s: float
) -> None:
    known = record()
    known = replace(known, description=replace(known.description, load=Load(first_audio_p50_ms=usual_ms)))
    assert patience_with(Route(known, "scripted/one", resident, busy), Patience()) == Patience(started_s, first_s)


async def test_sessions_are_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_speech, "_REMEMBERED_SESSIONS", 2)
    async with fleet_of(ScriptedWorker()) as fleet:
        for session in ("a", "b", "a", "c"):
            await fleet.say(session)
        assert list(fleet.speech._kept) == ["a", "c"]


def test_two_places_are_different() -> None:
    assert {len(set(pick_two_at_random(2))) for _ in range(20)} == {2}
