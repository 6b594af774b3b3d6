"""A turn of the user's: when it counts, what is prepared meanwhile, and in which order the client is told."""

from __future__ import annotations

import asyncio

import pytest
from antiphon_orchestrator.session.config import Audio, AudioInput, SemanticVad, ServerVad, SessionConfig, Transcription
from antiphon_orchestrator.session.conversation import UserMessage
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.session.planner import Wish
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.party import Party, party
from antiphon_orchestrator.testing.virtual_time import clock_ms, stand_still, virtually
from antiphon_orchestrator.testing.voice import COUGH
from antiphon_orchestrator.turn.floor import State

ANSWER = "It is noon. Have a nice day."
AFTER_A_TURN = [
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]
A_SPOKEN_RESPONSE = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
]


def listening(detection: ServerVad | SemanticVad | None, *, transcribe: bool = False) -> SessionConfig:
    transcription = Transcription() if transcribe else None
    return SessionConfig(audio=Audio(input=AudioInput(turn_detection=detection, transcription=transcription)))


def said(call: Party) -> list[str]:
    """What the user said, by the conversation's account."""
    return [item.text for item in call.session.conversation if isinstance(item, UserMessage)]


@virtually
async def test_a_question_is_answered_and_told_in_the_protocols_order() -> None:
    async with party(ScriptedLlm([ANSWER])) as call:
        await call.say("What time is it?")
        done = await call.until("response.done")
        assert done["response"]["status"] == "completed"
        assert call.client.types() == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            *AFTER_A_TURN,
            *A_SPOKEN_RESPONSE,
        ]
        assert call.client.words(ANSWER) == ANSWER.split()


@virtually
async def test_people_see_who_has_the_floor() -> None:
    async with party(ScriptedLlm([ANSWER])) as call:
        await call.say("What time is it?")
        await call.until("response.done")
        states = [event["state"] for event in call.client.all("antiphon.state")]
        assert states == ["listening", "thinking", "speaking", "idle"]


@virtually
async def test_audio_comes_at_the_pace_it_is_heard() -> None:
    async with party(ScriptedLlm(["One two three four five six seven eight nine ten."])) as call:
        await call.say("Count to ten.")
        await call.until("response.done")
        began_ms = call.client.frames[0][0]
        for index, (at_ms, _, _) in enumerate(call.client.frames):
            assert at_ms >= began_ms + index * 20 - 60


@virtually
async def test_the_answer_is_prepared_while_it_is_not_sure_that_the_turn_is_over() -> None:
    mind = ScriptedLlm(["Well."])
    async with party(mind) as call:
        await call.say("Tell me about")
        await call.pause(300)
        assert len(mind.asked) == 1
        assert call.client.types() == ["input_audio_buffer.speech_started"]
        await call.until("response.done")
        assert len(mind.asked) == 1


@virtually
async def test_what_was_prepared_is_dropped_and_never_heard_or_told_when_the_user_goes_on() -> None:
    mind = ScriptedLlm(["Wrong answer."], ["Bern it is."])
    async with party(mind) as call:
        await call.say("Tell me about ")
        await call.pause(500)
        await call.say("Bern.")
        await call.until("response.done")
        assert mind.asked[-1].messages[-1].text == "Tell me about Bern."
        assert mind.closed + mind.running == 0 or mind.closed == 1
        assert call.client.words("Wrong answer. Bern it is.") == ["Bern", "it", "is."]
        assert len(call.client.all("response.created")) == 1
        assert "Wrong" not in str(call.client.events)
        assert said(call) == ["Tell me about Bern."]


@virtually
async def test_without_speculation_the_mind_is_asked_once_the_turn_is_over() -> None:
    mind = ScriptedLlm(["Well."])
    async with party(mind, settings=SessionSettings(speculate=False)) as call:
        await call.say("Tell me about")
        await call.pause(500)
        assert mind.asked == []
        await call.until("response.done")
        assert len(mind.asked) == 1


@virtually
async def test_a_sentence_that_sounds_unfinished_is_waited_for() -> None:
    async with party(ScriptedLlm()) as call:
        await call.say("What is")
        await call.until("input_audio_buffer.committed")
        unfinished_ms = call.client.when("input_audio_buffer.committed") - 7 * 40
    async with party(ScriptedLlm()) as call:
        began_ms = clock_ms()
        await call.say("What is?")
        await call.until("input_audio_buffer.committed")
        finished_ms = call.client.when("input_audio_buffer.committed") - began_ms - 8 * 40
    assert finished_ms < 500 < 1_000 < unfinished_ms


@virtually
async def test_server_vad_waits_for_its_silence_whatever_was_said() -> None:
    async with party(ScriptedLlm(), config=listening(ServerVad(silence_duration_ms=900))) as call:
        await call.say("What time is it?")
        silent_ms = clock_ms()
        await call.until("input_audio_buffer.committed")
        assert 850 <= clock_ms() - silent_ms <= 1_000


@virtually
async def test_a_turn_is_told_to_have_begun_and_ended_where_it_did() -> None:
    async with party(ScriptedLlm()) as call:
        await call.pause(1_000)
        await call.say("What time is it?")
        await call.until("input_audio_buffer.committed")
        started = call.client.all("input_audio_buffer.speech_started")[0]
        stopped = call.client.all("input_audio_buffer.speech_stopped")[0]
        assert abs(started["audio_start_ms"] - 1_000) <= 40
        assert abs(stopped["audio_end_ms"] - 1_000 - 16 * 40) <= 40
        assert started["item_id"] == stopped["item_id"] == call.client.all("input_audio_buffer.committed")[0]["item_id"]


@virtually
async def test_a_cough_is_no_turn() -> None:
    mind = ScriptedLlm()
    async with party(mind) as call:
        await call.say(COUGH * 8)
        await call.pause(3_000)
        assert call.client.all("input_audio_buffer.committed") == []
        assert len(call.client.all("antiphon.turn.discarded")) == 1
        assert call.client.types() == ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]
        assert mind.asked == []


@virtually
async def test_an_answer_is_wanted_only_where_the_client_leaves_it_to_us() -> None:
    mind = ScriptedLlm([ANSWER])
    async with party(mind, config=listening(SemanticVad(create_response=False))) as call:
        await call.say("What time is it?")
        await call.pause(3_000)
        assert said(call) == ["What time is it?"]
        assert mind.asked == []
        call.commands.create_response(Wish())
        await call.until("response.done")
        assert call.client.words(ANSWER) == ANSWER.split()


@virtually
async def test_the_users_words_are_told_while_and_after_they_are_said() -> None:
    async with party(ScriptedLlm(), config=listening(SemanticVad(), transcribe=True)) as call:
        await call.say("What time is it in Bern today?")
        done = await call.until("conversation.item.input_audio_transcription.completed")
        assert done["transcript"] == "What time is it in Bern today?"
        assert 1.1 <= done["usage"]["seconds"] <= 1.3
        partials = [event["transcript"] for event in call.client.all("antiphon.input_transcript.partial")]
        assert partials
        assert all(done["transcript"].startswith(partial) for partial in partials)


@virtually
async def test_the_recogniser_is_told_the_language_and_what_helps_it() -> None:
    config = listening(SemanticVad(), transcribe=True)
    assert config.audio.input.transcription is not None
    config.audio.input.transcription.language = "de"
    config.audio.input.transcription.prompt = "Antiphon"
    async with party(ScriptedLlm(), config=config) as call:
        await call.say("Hallo.")
        await call.until("response.done")
        assert {(heard.language, heard.prompt) for heard in call.asr.calls} == {("de", "Antiphon")}
        call.commands.update({"audio": {"input": {"transcription": {"language": "en", "prompt": None}}}})
        await call.say("Hello.")
        await call.until("response.done", times=2)
        assert (call.asr.calls[-1].language, call.asr.calls[-1].prompt) == ("en", "")


# ----------------------------------------------------------------- push to talk


@virtually
async def test_push_to_talk_takes_a_turn_when_the_client_says_so_and_answers_when_asked() -> None:
    mind = ScriptedLlm([ANSWER])
    async with party(mind, config=listening(None)) as call:
        await call.say("What time is it?")
        await call.pause(3_000)
        assert call.client.types() == []
        call.commands.commit()
        assert call.client.types() == AFTER_A_TURN
        await call.pause(1_000)
        assert mind.asked == []
        call.commands.create_response(Wish())
        await call.until("response.done")
        assert mind.asked[0].messages[-1].text == "What time is it?"
        assert call.client.words(ANSWER) == ANSWER.split()


@virtually
async def test_push_to_talk_answers_after_the_words_are_known_even_if_asked_at_once() -> None:
    mind = ScriptedLlm([ANSWER])
    async with party(mind, config=listening(None)) as call:
        await call.say("What time is it?")
        call.commands.commit()
        call.commands.create_response(Wish())
        await call.until("response.done")
        assert mind.asked[0].messages[-1].text == "What time is it?"


@virtually
async def test_who_asks_for_an_answer_to_silence_is_answered() -> None:
    async with party(ScriptedLlm(["Yes?"]), config=listening(None)) as call:
        await call.pause(500)
        call.commands.commit()
        call.commands.create_response(Wish())
        done = await call.until("response.done", 3_000)
        assert done["response"]["status"] == "completed"


@virtually
async def test_too_little_audio_cannot_be_committed() -> None:
    async with party(ScriptedLlm(), config=listening(None)) as call:
        await call.pause(60)
        with pytest.raises(Refusal) as refused:
            call.commands.commit()
        assert refused.value.code == "input_audio_buffer_commit_empty"


@virtually
async def test_audio_that_was_cleared_is_in_no_turn() -> None:
    async with party(ScriptedLlm(), config=listening(None)) as call:
        await call.say("Forget this. ")
        call.commands.clear()
        assert call.client.types() == ["input_audio_buffer.cleared"]
        await call.say("What time is it?")
        call.commands.commit()
        call.commands.create_response(Wish())
        await call.until("response.done")
        assert said(call) == ["What time is it?"]


@virtually
async def test_a_client_may_end_a_turn_before_the_detector_does() -> None:
    async with party(ScriptedLlm([ANSWER])) as call:
        await call.say("What time is")
        call.commands.commit()
        assert call.client.types()[-3:] == AFTER_A_TURN
        await call.pause(4_000)
        assert said(call) == ["What time is"]
        assert call.session.state is State.IDLE


@virtually
async def test_speech_after_an_early_commit_is_a_turn_of_its_own() -> None:
    async with party(ScriptedLlm([ANSWER])) as call:
        await call.say("First part ")
        call.commands.commit()
        await call.say("second part.")
        await call.until("response.done")
        assert said(call) == ["First part", "second part."]
        assert len(call.client.all("input_audio_buffer.speech_started")) == 2


@virtually
async def test_a_turn_under_way_goes_on_when_the_client_turns_to_push_to_talk() -> None:
    async with party(ScriptedLlm([ANSWER])) as call:
        await call.say("What time ")
        call.commands.update({"audio": {"input": {"turn_detection": None}}})
        await call.say("is it?")
        await call.pause(3_000)
        assert call.client.all("input_audio_buffer.committed") == []
        call.commands.commit()
        call.commands.create_response(Wish())
        await call.until("response.done")
        assert said(call) == ["What time is it?"]
        assert call.session.state is State.IDLE


@virtually
async def test_what_was_not_committed_is_forgotten_when_the_client_leaves_turns_to_us_again() -> None:
    async with party(ScriptedLlm([ANSWER]), config=listening(None)) as call:
        await call.say("What time ")
        call.commands.update({"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}})
        await call.pause(500)
        await call.say("Hello.")
        await call.until("response.done")
        assert said(call) == ["Hello."]


@virtually
async def test_a_session_that_turns_to_push_to_talk_in_the_middle_of_speech_can_still_be_idle() -> None:
    async with party(ScriptedLlm([ANSWER])) as call:
        await call.say("What time ")
        call.commands.update({"audio": {"input": {"turn_detection": None}}})
        await call.pause(200)
        assert call.session.state is State.IDLE


@virtually
async def test_a_client_that_stops_sending_in_the_middle_of_a_turn_is_answered() -> None:
    async with party(ScriptedLlm([ANSWER])) as call:
        await call.say("What time is it?")
        await asyncio.sleep(10)
        assert [event["response"]["status"] for event in call.client.all("response.done")] == ["completed"]


@virtually
async def test_a_turn_goes_on_after_we_ourselves_stood_still_in_the_middle_of_it() -> None:
    async with party(ScriptedLlm([ANSWER])) as call:
        await call.say("What time is ")
        stand_still(3.0)
        await call.say("it in Berlin?")
        done = await call.until("response.done")
        assert done["response"]["status"] == "completed"
        assert said(call) == ["What time is it in Berlin?"]
