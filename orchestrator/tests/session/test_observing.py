"""What is counted and logged of sessions is what happened, and no word that was said unless a deployment wants it."""

from __future__ import annotations

from typing import Any

import pytest
from antiphon_core.errors import EngineFailed, WorkerGone
from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.metrics import Metrics
from antiphon_orchestrator.ports import ChatRequest
from antiphon_orchestrator.session.observer import Observer
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.party import party
from antiphon_orchestrator.testing.speech import ScriptedSpeech
from antiphon_orchestrator.testing.virtual_time import clock_ms, virtually
from antiphon_orchestrator.testing.voice import COUGH
from structlog.testing import capture_logs

COUNT = "One two three four five six seven eight nine ten."


class Notes(Observer):
    """Keeps everything it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def __getattribute__(self, name: str) -> Any:
        if name not in OBSERVED:
            return super().__getattribute__(name)
        return lambda *args, **kwargs: self.told.append((name, (*args, *kwargs.values())))

    def of(self, name: str) -> list[Any]:
        return [value for told, value in self.told if told == name]


OBSERVED = frozenset(name for name in vars(Observer) if not name.startswith("_"))


@virtually
async def test_an_answered_question_is_timed_from_the_end_of_speech_to_the_first_frame() -> None:
    notes = Notes()
    async with party(ScriptedLlm([COUNT]), observer=notes) as call:
        await call.say("Count please.")
        silent_ms = clock_ms()
        await call.until("response.done")
        waited_s = (call.client.frames[0][0] - silent_ms) / 1000
    ((voice_to_voice_s,),) = notes.of("answered")
    assert voice_to_voice_s == pytest.approx(waited_s, abs=0.05)
    ((first_audio_s,),) = notes.of("first_audio")
    assert 0 <= first_audio_s < voice_to_voice_s
    assert notes.of("turn_ended") == [(True,)]
    assert notes.of("trial_ended") == [(True,)]
    assert notes.of("response_ended") == [("completed",)]
    assert notes.of("tokens") == [(2, 1)]
    assert len(notes.of("ticked")) > 50
    assert max(late_s for (late_s,) in notes.of("ticked")) < 0.02


@virtually
async def test_an_interruption_is_timed_from_the_onset_to_the_last_frame() -> None:
    notes = Notes()
    async with party(ScriptedLlm([COUNT]), observer=notes) as call:
        await call.say("Count please.")
        await call.until("response.content_part.added")
        await call.pause(700)
        onset_ms = clock_ms()
        await call.say("Stop, what is this?")
        await call.until("response.done", times=2)
        first = call.client.all("response.done")[0]["response"]["output"][0]["id"]
        last_ms = max(at_ms for at_ms, item_id, _ in call.client.frames if item_id == first)
    ((stopped_s,),) = notes.of("voice_stopped")
    assert stopped_s == pytest.approx((last_ms - onset_ms) / 1000, abs=0.04)
    ((held_s, how),) = notes.of("hold_ended")
    assert how == "interrupted"
    assert 0.1 < held_s < 1.0
    assert notes.of("response_ended") == [("cancelled",), ("completed",)]


@virtually
async def test_a_false_interruption_is_counted_as_resumed() -> None:
    notes = Notes()
    async with party(ScriptedLlm([COUNT]), observer=notes) as call:
        await call.say("Count please.")
        await call.until("response.content_part.added")
        await call.pause(700)
        await call.say("mm-hm")
        await call.until("response.done")
        assert call.session.counts["resumed"] == 1
    assert [how for _, how in notes.of("hold_ended")] == ["resumed"]
    assert notes.of("voice_stopped") == []


@virtually
async def test_what_is_no_turn_and_a_trial_that_was_dropped_are_counted_as_such() -> None:
    notes = Notes()
    async with party(ScriptedLlm(), observer=notes) as call:
        await call.say(COUGH * 8)
        await call.pause(2_000)
        await call.say("Tell me ")
        await call.pause(500)
        await call.say("more.")
        await call.until("response.done")
    assert notes.of("turn_ended") == [(False,), (True,)]
    assert (False,) in notes.of("trial_ended")
    assert notes.of("trial_ended")[-1] == (True,)


@virtually
async def test_an_engine_that_is_too_slow_is_counted_with_its_gaps() -> None:
    notes = Notes()
    slow = ScriptedSpeech(frame_s=0.03)
    async with party(ScriptedLlm([COUNT]), observer=notes, speech=slow) as call:
        await call.ask("Count.")
    assert notes.of("starved")
    assert all(gap_s > 0 for (gap_s,) in notes.of("starved"))


@virtually
async def test_each_model_that_fails_is_counted_by_its_part() -> None:
    notes = Notes()
    mind = ScriptedLlm([LlmFailed(Kind.FAILED, "no")])
    async with party(mind, observer=notes, speech=ScriptedSpeech(errors=[WorkerGone("no")])) as call:
        await call.ask("Hello.")
        call.asr.fail(EngineFailed("no"))
        await call.say("Hello.")
        await call.until("response.done", times=2)
    assert [part for (part,) in notes.of("failed")] == ["mind", "speech", "recogniser"]


@virtually
async def test_a_mind_that_cannot_read_ahead_harms_nothing() -> None:
    class Broken(ScriptedLlm):
        async def prepare(self, request: ChatRequest) -> None:
            raise ZeroDivisionError("a bug")

    notes = Notes()
    async with party(Broken(), observer=notes) as call:
        assert (await call.ask("Hello."))["response"]["status"] == "completed"
    assert ("mind",) in notes.of("failed")


@virtually
async def test_the_metrics_take_all_of_it() -> None:
    metrics = Metrics()
    async with party(ScriptedLlm([COUNT]), observer=metrics) as call:
        await call.say("Count please.")
        await call.until("response.content_part.added")
        await call.pause(700)
        await call.say("Stop, what is this?")
        await call.until("response.done", times=2)
        metrics.starved(0.1)
        metrics.failed_over("worker_gone")
        metrics.failed("speech")
    value = metrics.registry.get_sample_value
    assert value("antiphon_turns_total", {"outcome": "committed"}) == 2
    assert value("antiphon_hold_seconds_count", {"outcome": "interrupted"}) == 1
    assert value("antiphon_barge_in_seconds_count") == 1
    assert value("antiphon_voice_to_voice_seconds_count") == 2
    assert value("antiphon_trials_total", {"outcome": "used"}) == 2
    assert value("antiphon_underrun_seconds_count") == 1
    assert value("antiphon_utterances_failed_over_total", {"condition": "worker_gone"}) == 1
    assert value("antiphon_model_failures_total", {"part": "speech"}) == 1


@pytest.mark.parametrize("log_text", [False, True])
def test_words_are_logged_only_where_a_deployment_says_so(log_text: bool) -> None:
    @virtually
    async def conversation() -> None:
        mind = ScriptedLlm(["A secret answer."])
        with capture_logs() as lines:
            async with party(mind, settings=SessionSettings(log_text=log_text)) as call:
                await call.say("A secret question.")
                await call.until("response.done")
        assert [line["event"] for line in lines] == ["turn", "response"]
        assert lines[0]["words"] == 3
        assert lines[1]["status"] == "completed"
        assert lines[1]["turn"].startswith("resp_")
        assert ("secret question" in str(lines)) is log_text
        assert ("secret answer" in str(lines)) is log_text

    conversation()
