"""A session ends when it has lasted, rested or talked enough, and says so before; a silent user is spoken to."""

from __future__ import annotations

import asyncio

from antiphon_orchestrator.session.config import Audio, AudioInput, ServerVad, SessionConfig
from antiphon_orchestrator.session.conversation import FunctionCall, FunctionCallOutput
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.session.planner import Wish
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.party import party
from antiphon_orchestrator.testing.virtual_time import clock_ms, virtually
from antiphon_orchestrator.turn.limits import LimitSettings

HOUR_S = 3_600
NUMBERS = "one two three four five six."


def limited(**limits: int) -> SessionSettings:
    return SessionSettings(limits=LimitSettings(**limits))


@virtually
async def test_an_idle_session_is_warned_and_then_ended() -> None:
    async with party(ScriptedLlm(), settings=limited(idle_ms=60_000)) as call:
        await asyncio.sleep(49)
        assert call.client.types(own=True) == []
        await asyncio.sleep(2)
        (warning,) = call.client.all("antiphon.session.expiring")
        assert warning["reason"] == "idle"
        assert 9_000 <= warning["remaining_ms"] <= 10_000
        await asyncio.sleep(10)
        assert call.client.all("antiphon.session.closed")[0]["reason"] == "idle"
        assert call.client.closed == (1000, "session limit: idle")
        assert call.session.is_over


@virtually
async def test_who_speaks_after_the_warning_keeps_the_session() -> None:
    async with party(ScriptedLlm(), settings=limited(idle_ms=60_000)) as call:
        await asyncio.sleep(52)
        await call.say("Hello.")
        await call.until("response.done")
        await asyncio.sleep(45)
        assert not call.session.is_over


@virtually
async def test_a_long_session_ends_in_the_middle_of_an_answer_and_leaves_nothing_running() -> None:
    mind = ScriptedLlm(["word " * 400])
    async with party(mind, settings=limited(duration_ms=30_000)) as call:
        await asyncio.sleep(20)
        call.write("Go on.")
        call.commands.create_response(Wish())
        await asyncio.sleep(15)
        assert call.client.all("antiphon.session.closed")[0]["reason"] == "duration"
        assert call.client.all("response.done")[0]["response"]["status"] == "cancelled"
        assert call.client.last_frame_ms <= 30_100


@virtually
async def test_the_last_turn_is_announced_and_answered() -> None:
    async with party(ScriptedLlm(), settings=limited(turns=2)) as call:
        for turn in range(2):
            await call.say("Hello.")
            await call.until("response.done", times=turn + 1)
        assert [event["remaining_turns"] for event in call.client.all("antiphon.session.expiring")] == [1, 0]
        await call.pause(200)
        assert call.client.all("antiphon.session.closed")[0]["reason"] == "turns"
        assert len(call.client.all("response.done")) == 2


@virtually
async def test_nothing_happens_in_an_hour_of_silence() -> None:
    async with party(ScriptedLlm()) as call:
        await asyncio.sleep(1)
        before = len(asyncio.all_tasks())
        for _ in range(HOUR_S // 10):
            await asyncio.sleep(10)
        assert clock_ms() == (HOUR_S + 1) * 1000
        assert call.client.types(own=True) == []
        assert len(asyncio.all_tasks()) == before


@virtually
async def test_a_user_who_is_silent_after_an_answer_is_spoken_to_once() -> None:
    config = SessionConfig(audio=Audio(input=AudioInput(turn_detection=ServerVad(idle_timeout_ms=6_000))))
    mind = ScriptedLlm(["Hello."], ["Are you there?"])
    async with party(mind, config=config) as call:
        await call.pause(10_000)
        assert mind.asked == []
        await call.say("Hello.")
        await call.until("response.done", times=2)
        (nudge,) = call.client.all("input_audio_buffer.timeout_triggered")
        answered_ms = call.client.when("response.done")
        assert 5_900 <= call.client.when("input_audio_buffer.timeout_triggered") - answered_ms <= 6_200
        assert nudge["audio_start_ms"] <= nudge["audio_end_ms"]


@virtually
async def test_a_session_that_is_over_takes_nothing_any_more() -> None:
    async with party(ScriptedLlm(), settings=limited(idle_ms=20_000)) as call:
        await asyncio.sleep(25)
        told = len(call.client.events)
        await call.say("Hello?")
        await call.pause(1_000)
        assert len(call.client.events) == told


@virtually
async def test_a_server_that_ends_finishes_the_answer_and_closes_with_a_code_to_connect_again_on() -> None:
    async with party(ScriptedLlm([NUMBERS])) as call:
        call.write("Go on.")
        call.commands.create_response(Wish())
        await call.until("response.output_audio_transcript.delta")
        call.session.server_ends(30_000)
        (warning,) = call.client.all("antiphon.session.expiring")
        assert (warning["reason"], warning["remaining_ms"]) == ("server_ends", 30_000)
        await call.until("antiphon.session.closed")
        assert call.client.all("response.done")[0]["response"]["status"] == "completed"
        assert call.client.words(NUMBERS) == NUMBERS.split()
        assert call.client.closed == (1012, "the server ends; connect again")


@virtually
async def test_a_server_that_ends_answers_no_more_however_soon_the_client_asks_again() -> None:
    async with party(ScriptedLlm(*[[NUMBERS]] * 9)) as call:

        async def ask_on_and_on() -> None:
            answered = 0
            while call.client.closed is None:
                if len(call.client.all("response.done")) == answered:
                    call.write("Go on.")
                    call.commands.create_response(Wish())
                    answered += 1
                await asyncio.sleep(0.001)

        asking = asyncio.create_task(ask_on_and_on())
        await call.until("response.output_audio_transcript.delta")
        call.session.server_ends(30_000)
        await call.until("antiphon.session.closed")
        await asking
        assert [event["response"]["status"] for event in call.client.all("response.done")] == ["completed"]


@virtually
async def test_a_server_that_ends_waits_for_the_output_of_a_function_and_the_answer_to_it() -> None:
    call_item = FunctionCall("item_1", "call_1", "weather", "{}", "completed")
    async with party(ScriptedLlm(["sunny all day."])) as call:
        call.session.conversation.add(call_item)
        call.session.server_ends(30_000)
        await asyncio.sleep(3)
        call.commands.create_item(FunctionCallOutput("item_2", "call_1", "sunny"), None)
        await asyncio.sleep(1)
        call.commands.create_response(Wish())
        await call.until("antiphon.session.closed")
        assert call.client.words("sunny all day.") == ["sunny", "all", "day."]


@virtually
async def test_a_server_that_ends_waits_for_a_turn_that_the_client_commits_itself() -> None:
    push_to_talk = SessionConfig(audio=Audio(input=AudioInput(turn_detection=None)))
    async with party(ScriptedLlm(["fine."]), config=push_to_talk) as call:
        await call.say("How are you?")
        call.session.server_ends(30_000)
        await call.pause(2_000)
        assert call.client.all("antiphon.session.closed") == []
        call.commands.commit()
        call.commands.create_response(Wish())
        await asyncio.sleep(5)
        assert call.client.closed == (1012, "the server ends; connect again")
        assert call.client.words("fine.") == ["fine."]
