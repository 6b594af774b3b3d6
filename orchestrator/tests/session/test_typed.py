"""Conversations in text, with tools, and beside the main one."""

from __future__ import annotations

from typing import Any

import pytest
from antiphon_orchestrator.ports import ChatDelta, ToolCall
from antiphon_orchestrator.session.asides import MAX_ASIDES
from antiphon_orchestrator.session.config import FunctionTool, SessionConfig
from antiphon_orchestrator.session.conversation import FunctionCallOutput, UserMessage
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.session.planner import Wish
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.testing.llm import ScriptedLlm, Silence
from antiphon_orchestrator.testing.party import party
from antiphon_orchestrator.testing.virtual_time import clock_ms, virtually
from antiphon_orchestrator.turn.floor import State

WEATHER = FunctionTool(name="weather", description="How it is outside", parameters={"type": "object"})
CALL = ToolCall("call_1", "weather", '{"city": "Bern"}')


def in_text() -> SessionConfig:
    return SessionConfig(output_modalities=["text"])


@virtually
async def test_text_in_and_text_out_needs_no_voice() -> None:
    async with party(ScriptedLlm(["Good ", "day."]), config=in_text()) as call:
        done = await call.ask("Hello.")
        assert done["response"]["output"][0]["content"] == [{"type": "output_text", "text": "Good day."}]
        deltas = [event["delta"] for event in call.client.all("response.output_text.delta")]
        assert deltas == ["Good ", "day."]
        assert call.speech.spoken == []
        assert call.client.frames == []


@virtually
async def test_what_is_typed_can_be_answered_aloud() -> None:
    async with party(ScriptedLlm(["Good day."])) as call:
        done = await call.ask("Hello.")
        assert done["response"]["output"][0]["content"][0]["transcript"] == "Good day."
        assert call.client.words("Good day.") == ["Good", "day."]


@virtually
async def test_one_answer_may_be_written_in_a_session_that_speaks() -> None:
    async with party(ScriptedLlm(["Good day."])) as call:
        done = await call.ask("Hello.", Wish(spoken=False))
        assert done["response"]["output_modalities"] == ["text"]
        assert call.client.frames == []


@virtually
async def test_an_answer_may_have_instructions_of_its_own() -> None:
    mind = ScriptedLlm()
    async with party(mind, config=SessionConfig(instructions="Be kind.")) as call:
        await call.ask("Hello.", Wish(instructions="Be brief."))
        await call.ask("Hello.")
        assert [request.messages[0].text for request in mind.asked] == ["Be brief.", "Be kind."]


@virtually
async def test_an_answer_may_be_made_from_other_items() -> None:
    mind = ScriptedLlm()
    async with party(mind) as call:
        call.write("Not this.")
        call.commands.create_response(Wish(items=(UserMessage("x", "But this."),)))
        await call.until("response.done")
        assert [message.text for message in mind.asked[0].messages if message.role == "user"] == ["But this."]


@virtually
async def test_metadata_comes_back_with_the_response() -> None:
    async with party(ScriptedLlm()) as call:
        done = await call.ask("Hello.", Wish(metadata={"topic": "x"}))
        assert done["response"]["metadata"] == {"topic": "x"}
        assert call.client.all("response.created")[0]["response"]["metadata"] == {"topic": "x"}


@virtually
async def test_tokens_are_told_as_the_mind_counted_them() -> None:
    async with party(ScriptedLlm(["One ", "two."]), config=SessionConfig(instructions="Be kind.")) as call:
        usage = (await call.ask("Hello there."))["response"]["usage"]
        assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (4, 2, 6)


@virtually
async def test_an_answer_that_grew_too_long_is_incomplete() -> None:
    async with party(ScriptedLlm(["And then", ChatDelta(finish_reason="length")])) as call:
        done = await call.ask("Tell me all.")
        assert done["response"]["status"] == "incomplete"
        assert done["response"]["status_details"]["reason"] == "max_output_tokens"


# ----------------------------------------------------------------------------- tools


@virtually
async def test_a_function_is_called_by_the_client_and_its_output_answered_upon() -> None:
    mind = ScriptedLlm([CALL], ["It rains."])
    async with party(mind, config=SessionConfig(tools=[WEATHER])) as call:
        done = await call.ask("How is the weather?")
        (item,) = done["response"]["output"]
        assert (item["type"], item["name"], item["arguments"]) == ("function_call", "weather", '{"city": "Bern"}')
        told = call.client.all("response.function_call_arguments.done")[0]
        assert told["call_id"] == "call_1"
        call.commands.create_item(FunctionCallOutput("out_1", "call_1", "rain"), None)
        call.commands.create_response(Wish())
        await call.until("response.done", times=2)
        roles = [message.role for message in mind.asked[1].messages]
        assert roles[-3:] == ["user", "assistant", "tool"]
        assert mind.asked[1].messages[-1].text == "rain"
        assert call.client.words("It rains.") == ["It", "rains."]


@virtually
async def test_the_mind_is_offered_the_tools_and_how_to_choose() -> None:
    mind = ScriptedLlm()
    async with party(mind, config=SessionConfig(tools=[WEATHER], tool_choice="required")) as call:
        await call.ask("Hello.")
        await call.ask("Hello.", Wish(tools=(), tool_choice="none"))
        assert [tool.name for tool in mind.asked[0].tools] == ["weather"]
        assert mind.asked[0].tool_choice == "required"
        assert list(mind.asked[1].tools) == []
        assert mind.asked[1].tool_choice == "none"


@virtually
async def test_long_tools_leave_room_for_fewer_old_turns() -> None:
    mind = ScriptedLlm()
    long = FunctionTool(name="weather", description="How it is outside. " * 100, parameters={"type": "object"})
    settings = SessionSettings(context_tokens=600, answer_tokens=16)
    async with party(mind, config=SessionConfig(tools=[long], output_modalities=["text"]), settings=settings) as call:
        await call.ask("An old question. " * 20)
        await call.ask("A new one.", Wish(tools=()))
        await call.ask("And the last.")
    users = [[message.text for message in asked.messages if message.role == "user"] for asked in mind.asked]
    assert [len(told) for told in users] == [1, 2, 2]
    assert users[2] == ["A new one.", "And the last."]


@virtually
async def test_words_before_a_call_are_spoken_and_both_are_told() -> None:
    async with party(ScriptedLlm(["Let me look. ", CALL]), config=SessionConfig(tools=[WEATHER])) as call:
        done = await call.ask("How is the weather?")
        assert [item["type"] for item in done["response"]["output"]] == ["message", "function_call"]
        assert call.client.words("Let me look.") == ["Let", "me", "look."]


@virtually
async def test_several_calls_are_told_in_their_order() -> None:
    other = ToolCall("call_2", "weather", '{"city": "Rome"}')
    async with party(ScriptedLlm([CALL, other]), config=SessionConfig(tools=[WEATHER])) as call:
        done = await call.ask("How is the weather?")
        assert [item["call_id"] for item in done["response"]["output"]] == ["call_1", "call_2"]


# --------------------------------------------------------------------- several at once


@virtually
async def test_a_second_response_while_one_is_under_way_is_refused_and_harms_nothing() -> None:
    async with party(ScriptedLlm(["Good day to you."])) as call:
        call.write("Hello.")
        call.commands.create_response(Wish())
        await call.pause(100)
        call.commands.create_response(Wish(event_id="mine"))
        (error,) = call.client.all("error")
        assert error["error"]["code"] == "conversation_already_has_active_response"
        assert error["error"]["event_id"] == "mine"
        done = await call.until("response.done")
        assert done["response"]["status"] == "completed"
        assert len(call.client.all("response.created")) == 1


@virtually
async def test_an_answer_beside_the_conversation_leaves_it_as_it_is() -> None:
    mind = ScriptedLlm(["Good day to you."], ["greeting"])
    async with party(mind) as call:
        call.write("Hello.")
        call.commands.create_response(Wish())
        await call.pause(200)
        call.commands.create_response(Wish(out_of_band=True, spoken=False, instructions="Classify."))
        await call.until("response.done", times=2)
        by_band = {event["response"]["conversation_id"] is None: event["response"] for event in done(call)}
        assert by_band[True]["output"][0]["content"] == [{"type": "output_text", "text": "greeting"}]
        assert len(call.session.conversation) == 2
        assert call.client.words("Good day to you.") == ["Good", "day", "to", "you."]


@virtually
async def test_a_spoken_answer_beside_the_conversation_takes_the_floor_and_leaves_no_item() -> None:
    async with party(ScriptedLlm(["An aside."])) as call:
        await call.ask("Hello.", Wish(out_of_band=True))
        assert len(call.session.conversation) == 1
        assert call.client.words("An aside.") == ["An", "aside."]


@virtually
async def test_an_answer_beside_the_conversation_can_be_cancelled_by_its_id() -> None:
    mind = ScriptedLlm(["Thinking ", Silence.HANG])
    async with party(mind) as call:
        call.commands.create_response(Wish(out_of_band=True, spoken=False))
        await call.pause(100)
        response_id = call.client.all("response.created")[0]["response"]["id"]
        with pytest.raises(Refusal):
            call.commands.cancel_response("resp_unknown")
        call.commands.cancel_response(response_id)
        assert done(call)[0]["response"]["status"] == "cancelled"
        await call.pause(100)
        assert mind.running == 0


@virtually
async def test_an_answer_beside_the_conversation_that_fails_says_so() -> None:
    async with party(ScriptedLlm([RuntimeError("boom")])) as call:
        call.commands.create_response(Wish(out_of_band=True, spoken=False))
        ended = await call.until("response.done")
        assert ended["response"]["status"] == "failed"
        assert call.client.all("error")[0]["error"]["type"] == "server_error"


@virtually
async def test_answers_beside_the_conversation_are_bounded() -> None:
    mind = ScriptedLlm(*[[Silence.HANG]] * MAX_ASIDES)
    async with party(mind) as call:
        for _ in range(MAX_ASIDES):
            call.commands.create_response(Wish(out_of_band=True, spoken=False))
        with pytest.raises(Refusal) as refused:
            call.commands.create_response(Wish(out_of_band=True, spoken=False))
        assert refused.value.code == "too_many_responses"


@virtually
async def test_there_is_nothing_to_cancel_where_nothing_is_under_way() -> None:
    async with party(ScriptedLlm()) as call:
        with pytest.raises(Refusal) as refused:
            call.commands.cancel_response(None)
        assert refused.value.code == "response_cancel_not_active"


@virtually
async def test_an_answer_that_waits_for_the_users_words_can_be_cancelled() -> None:
    mind = ScriptedLlm()
    async with party(mind) as call:
        call.asr.cost_s = 2.0
        await call.say("Hello.")
        await call.until("input_audio_buffer.committed")
        call.commands.cancel_response(None)
        await call.pause(4_000)
        assert mind.asked == []
        assert call.session.state is State.IDLE


@virtually
async def test_a_mind_that_hangs_for_ever_is_given_up() -> None:
    async with party(ScriptedLlm([Silence.HANG], ["Good day."])) as call:
        call.write("Hello.")
        began_ms = clock_ms()
        call.commands.create_response(Wish())
        ended = await call.until("response.done", 90_000)
        assert ended["response"]["status"] == "failed"
        assert clock_ms() - began_ms <= 61_000
        assert (await call.ask("Hello?"))["response"]["status"] == "completed"


def done(call: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call.client.all("response.done")
    return found
