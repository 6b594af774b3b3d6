"""Each turn is one trace: its stages follow each other as they happened, and none is left open whatever befalls it."""

from __future__ import annotations

import pytest
from antiphon_core.errors import EngineFailed
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.party import party
from antiphon_orchestrator.testing.spans import RecordedSpan, RecordingTracer
from antiphon_orchestrator.testing.virtual_time import clock_ms, virtually
from antiphon_orchestrator.testing.voice import COUGH

COUNT = "One two three four five six seven eight nine ten."


def lasted(span: RecordedSpan) -> tuple[int, int]:
    assert span.end_ms is not None, f"{span.name} was left open"
    return span.start_ms, span.end_ms


@virtually
async def test_the_stages_of_an_answered_turn_follow_each_other() -> None:
    tracer = RecordingTracer()
    async with party(ScriptedLlm([COUNT]), tracer=tracer) as call:
        onset_ms = clock_ms()
        await call.say("Count please.")
        silent_ms = clock_ms()
        await call.until("response.done")
        frames = call.client.frames
    (turn,) = tracer.roots
    assert turn.about["outcome"] == "committed"
    speech, end_of_turn, answer = turn.the("speech"), turn.the("end_of_turn"), turn.the("answer")
    assert lasted(speech) == pytest.approx((onset_ms, silent_ms), abs=60)
    assert speech.end_ms == end_of_turn.start_ms
    assert {"turn_detector", "recognition"} <= set(turn.names())
    assert answer.about["outcome"] == "completed"
    assert answer.about["prepared"] is True
    first_audio, playout, mind = answer.the("first_audio"), answer.the("playout"), answer.the("mind")
    assert lasted(mind)[0] <= lasted(mind.the("first_token"))[1] <= lasted(mind)[1]
    assert lasted(end_of_turn)[1] <= lasted(first_audio)[0] <= lasted(first_audio)[1] == frames[0][0]
    assert lasted(playout)[0] == frames[0][0]
    assert lasted(playout)[1] >= frames[-1][0]
    assert tracer.left_open() == []


@virtually
async def test_a_cough_over_an_answer_is_a_hold_in_its_playout_and_a_discarded_turn() -> None:
    tracer = RecordingTracer()
    async with party(ScriptedLlm([COUNT]), tracer=tracer) as call:
        await call.say("Count please.")
        await call.until("response.content_part.added")
        await call.pause(700)
        await call.say(COUGH * 3)
        await call.until("response.done")
        await call.pause(3_000)
    turn, cough = tracer.roots
    assert turn.the("answer").the("playout").events == ["held", "resumed"]
    assert cough.about["outcome"] == "discarded"
    assert tracer.left_open() == []


@virtually
async def test_an_interruption_is_told_in_the_playout_that_it_ended() -> None:
    tracer = RecordingTracer()
    async with party(ScriptedLlm([COUNT]), tracer=tracer) as call:
        await call.say("Count please.")
        await call.until("response.content_part.added")
        await call.pause(700)
        await call.say("Stop, what is this?")
        await call.until("response.done", times=2)
    first, second = tracer.roots
    answer = first.the("answer")
    assert answer.about["outcome"] == "cancelled"
    assert answer.the("playout").events == ["held", "interrupted"]
    (last,) = (child for child in second.children if child.about.get("outcome") == "completed")
    assert last.name == "answer"
    assert tracer.left_open() == []


@virtually
async def test_an_answer_on_trial_that_is_thrown_away_is_told_as_such() -> None:
    tracer = RecordingTracer()
    async with party(ScriptedLlm([COUNT], [COUNT]), tracer=tracer) as call:
        await call.say("Count")
        await call.pause(200)
        await call.say(" please.")
        await call.until("response.done")
    (turn,) = tracer.roots
    outcomes = [child.about["outcome"] for child in turn.children if child.name == "answer"]
    assert outcomes[-1] == "completed"
    assert set(outcomes[:-1]) <= {"dropped"}
    assert tracer.left_open() == []


@virtually
async def test_a_typed_question_is_a_trace_without_speech() -> None:
    tracer = RecordingTracer()
    async with party(ScriptedLlm([COUNT]), tracer=tracer) as call:
        await call.ask("Count please.")
    (turn,) = tracer.roots
    assert turn.names() == ["answer"]
    assert tracer.left_open() == []


@virtually
async def test_what_fails_says_so() -> None:
    tracer = RecordingTracer()
    async with party(ScriptedLlm(), tracer=tracer) as call:
        call.asr.fail(*[EngineFailed("no ears")] * 3)
        await call.say("Count please.")
        await call.until("response.done")
    (turn,) = tracer.roots
    assert "engine_failed" in {span.failure for span in turn.children if span.name == "recognition"}
    assert [child.about["outcome"] for child in turn.children if child.name == "answer"][-1] == "completed"
    assert tracer.left_open() == []


@virtually
async def test_whoever_hangs_up_leaves_no_stage_open() -> None:
    tracer = RecordingTracer()
    async with party(ScriptedLlm([COUNT]), tracer=tracer) as call:
        await call.say("Count please.")
        await call.until("response.content_part.added")
        await call.say("And th")
    assert tracer.left_open() == []
    assert [root.about["outcome"] for root in tracer.roots] == ["committed", "hung_up"]


@virtually
@pytest.mark.parametrize("log_text", [True, False])
async def test_words_are_in_traces_only_if_they_may_be_in_the_log(log_text: bool) -> None:
    tracer = RecordingTracer()
    settings = SessionSettings(log_text=log_text)
    async with party(ScriptedLlm([COUNT]), tracer=tracer, settings=settings) as call:
        await call.say("Count please.")
        await call.until("response.done")
    told = str([(span.about, span.events) for root in tracer.roots for span in root.all()])
    assert ("Count please." in told) is log_text
    assert ("nine ten" in told) is log_text
