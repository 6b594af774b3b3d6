"""Models that fail: what the user hears, what the client is told, and that the session lives on."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from antiphon_core.errors import EngineFailed, UnknownVoice, WorkerGone
from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.ports import HeardSamples, ToolCall
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.party import Party, party
from antiphon_orchestrator.testing.speech import ScriptedSpeech
from antiphon_orchestrator.testing.virtual_time import virtually

APOLOGY = "Sorry, again please."
SETTINGS = SessionSettings(apology=APOLOGY)
VOCABULARY = f"One two three. {APOLOGY} Hello there. {APOLOGY}"
FAILURES = [LlmFailed(Kind.STALLED, "it said nothing"), RuntimeError("out of memory")]


async def lives_on(call: Party) -> None:
    """The next turn is answered as if nothing had been."""
    ended = len(call.client.all("response.done"))
    frames = len(call.client.frames)
    await call.say("Are you still there?")
    done = await call.until("response.done", times=ended + 1)
    assert done["response"]["status"] == "completed"
    assert len(call.client.frames) > frames


class TestTheMind:
    @pytest.mark.parametrize("failure", FAILURES, ids=["condition", "bug"])
    def test_one_that_fails_before_its_first_word_is_apologised_for(self, failure: Exception) -> None:
        @virtually
        async def conversation() -> None:
            async with party(ScriptedLlm([failure]), settings=SETTINGS) as call:
                await call.say("What time is it?")
                done = await call.until("response.done")
                assert call.client.words(VOCABULARY) == APOLOGY.split()
                assert done["response"]["status"] == "failed"
                assert done["response"]["status_details"]["error"]["code"] == "response_failed"
                (error,) = call.client.all("error")
                assert str(failure) in error["error"]["message"]
                await lives_on(call)

        conversation()

    @pytest.mark.parametrize("failure", FAILURES, ids=["condition", "bug"])
    def test_one_that_fails_in_the_middle_is_heard_and_apologised_for(self, failure: Exception) -> None:
        @virtually
        async def conversation() -> None:
            async with party(ScriptedLlm(["One two three. ", "And th", failure]), settings=SETTINGS) as call:
                await call.say("What time is it?")
                done = await call.until("response.done")
                transcript = done["response"]["output"][0]["content"][0]["transcript"]
                assert transcript == f"One two three. And th… {APOLOGY}"
                assert call.client.words(VOCABULARY) == ["One", "two", "three.", *APOLOGY.split()]
                assert done["response"]["status"] == "failed"
                await lives_on(call)

        conversation()

    @virtually
    async def test_nothing_is_said_where_no_apology_is_set(self) -> None:
        async with party(ScriptedLlm([FAILURES[0]]), settings=SessionSettings(apology="")) as call:
            await call.say("What time is it?")
            await call.until("response.done")
            assert call.client.frames == []
            await lives_on(call)

    @virtually
    async def test_half_a_function_call_is_never_told(self) -> None:
        half = ToolCall("call_1", "transfer", '{"amount": 1')
        async with party(ScriptedLlm([half, FAILURES[0]]), settings=SETTINGS) as call:
            done = await call.ask("Pay.")
            assert [item["type"] for item in done["response"]["output"]] == ["message"]
            assert call.client.all("response.function_call_arguments.done") == []

    @virtually
    async def test_one_that_fails_on_trial_is_apologised_for_only_if_the_trial_counts(self) -> None:
        mind = ScriptedLlm([FAILURES[0]], ["Hello there."])
        async with party(mind, settings=SETTINGS) as call:
            await call.say("Tell me ")
            await call.pause(500)
            assert call.client.all("error") == []
            await call.say("more.")
            done = await call.until("response.done")
            assert done["response"]["status"] == "completed"
            assert call.client.all("error") == []


class TestTheVoice:
    @virtually
    async def test_an_answer_that_cannot_be_spoken_at_all_is_given_in_text(self) -> None:
        gone = WorkerGone("no speech worker answers")
        async with party(ScriptedLlm(["One two three."]), speech=ScriptedSpeech(errors=[gone])) as call:
            await call.say("What time is it?")
            done = await call.until("response.done")
            assert done["response"]["status"] == "failed"
            assert done["response"]["output"][0]["content"][0]["transcript"] == "One two three."
            assert call.client.all("error")[0]["error"]["message"] == "no speech worker answers"
            assert call.client.frames == []
            await lives_on(call)

    @virtually
    async def test_an_answer_whose_voice_breaks_off_goes_on_in_text(self) -> None:
        speech = ScriptedSpeech(errors=[WorkerGone("it died")], frames_before_error=15)
        async with party(ScriptedLlm(["One two three. ", "Hello there."]), speech=speech) as call:
            await call.say("What time is it?")
            done = await call.until("response.done")
            assert call.client.words(VOCABULARY) == ["One", "two"]
            assert done["response"]["status"] == "failed"
            assert done["response"]["output"][0]["content"][0]["transcript"] == "One two three. Hello there."
            assert call.speech.spoken == ["One two three."]
            await lives_on(call)

    @virtually
    async def test_one_that_raises_anything_costs_an_answer_and_no_more(self) -> None:
        class Broken(ScriptedSpeech):
            def speak(self, *arguments: object, **named: object) -> object:  # type: ignore[override]
                raise ZeroDivisionError("a bug")

        async with party(ScriptedLlm(["One two three."]), speech=Broken()) as call:
            await call.say("What time is it?")
            done = await call.until("response.done")
            assert done["response"]["status"] == "failed"
            assert "ZeroDivisionError" in call.client.all("error")[0]["error"]["message"]

    @virtually
    async def test_a_voice_that_is_gone_meanwhile_is_told_by_name(self) -> None:
        error = UnknownVoice("there is no voice 'x'; there are: a, b", allowed=["a", "b"])
        async with party(ScriptedLlm(["One two three."]), speech=ScriptedSpeech(errors=[error])) as call:
            await call.ask("Hello.")
            assert "there are: a, b" in call.client.all("error")[0]["error"]["message"]


class TestTheRecogniser:
    @virtually
    async def test_one_that_fails_on_trial_is_asked_again_once_the_turn_is_over(self) -> None:
        async with party(ScriptedLlm(["Hello there."])) as call:
            call.asr.fail(EngineFailed("busy"), EngineFailed("busy"))
            await call.say("Hello.")
            done = await call.until("response.done")
            assert done["response"]["status"] == "completed"
            assert [item.as_json()["content"][0]["transcript"] for item in call.session.conversation] == [
                "Hello.",
                "Hello there.",
            ]
            assert call.client.all("conversation.item.input_audio_transcription.failed") == []

    @virtually
    async def test_what_could_not_be_understood_is_asked_for_again(self) -> None:
        mind = ScriptedLlm()
        async with party(mind, settings=SETTINGS) as call:
            call.asr.fail(*[EngineFailed("broken")] * 10)
            await call.say("Hello.")
            await call.until("response.done")
            (failed,) = call.client.all("conversation.item.input_audio_transcription.failed")
            assert failed["error"]["message"] == "broken"
            assert call.client.words(VOCABULARY) == APOLOGY.split()
            assert mind.asked == []
            call.asr.fail_no_more()
            await lives_on(call)

    @virtually
    async def test_one_that_fails_while_somebody_speaks_over_us_leaves_the_decision_to_the_length(self) -> None:
        count = "One two three four five six seven eight nine ten."
        async with party(ScriptedLlm([count, 0.0])) as call:
            await call.say("Count.")
            await call.until("response.content_part.added")
            await call.pause(600)
            call.asr.fail(*[EngineFailed("broken")] * 10)
            await call.say("Please stop that counting now.")
            cancelled = await call.until("response.done")
            assert cancelled["response"]["status"] == "cancelled"

    @virtually
    async def test_one_that_raises_anything_costs_a_turn_and_no_more(self) -> None:
        class Broken:
            max_samples = 480_000
            running = 0

            async def transcribe(self, audio: HeardSamples, **_: object) -> object:
                raise MemoryError("no more")

        async with party(ScriptedLlm(), settings=SETTINGS, asr=Broken()) as call:  # type: ignore[arg-type]
            await call.say("Hello.")
            await call.until("response.done")
            assert call.client.words(VOCABULARY) == APOLOGY.split()
            assert (await call.ask("Hello."))["response"]["status"] == "completed"

    @virtually
    async def test_a_slow_one_delays_the_answer_and_loses_nothing(self) -> None:
        mind = ScriptedLlm()
        async with party(mind) as call:
            call.asr.cost_s = 1.5
            await call.say("Hello.")
            await call.until("response.done")
            assert mind.asked[0].messages[-1].text == "Hello."


class TestTheTurnDetector:
    @pytest.mark.parametrize("error", [EngineFailed("broken"), ZeroDivisionError("a bug")], ids=["condition", "bug"])
    def test_behind_one_that_fails_silence_decides(self, error: Exception) -> None:
        class Broken:
            async def finished_probability(self, turn: HeardSamples) -> float:
                raise error

        @virtually
        async def conversation() -> None:
            async with party(ScriptedLlm(), turn_detector=Broken()) as call:
                await call.say("What is")
                await call.until("input_audio_buffer.committed", 1_500)
                await call.until("response.done")

        conversation()

    @virtually
    async def test_behind_one_that_hangs_silence_decides(self) -> None:
        class Hanging:
            async def finished_probability(self, turn: HeardSamples) -> float:
                await asyncio.Event().wait()
                return 0.0

        async with party(ScriptedLlm(), turn_detector=Hanging()) as call:
            await call.say("What is")
            await call.until("input_audio_buffer.committed", 1_500)
            await call.until("response.done")


@virtually
async def test_what_comes_too_late_for_a_session_to_begin_is_not_left_unawaited() -> None:
    async with party(ScriptedLlm()) as over:
        pass
    work = asyncio.sleep(1)
    with pytest.raises(RuntimeError, match="finished"):
        over.session.spawn(work)
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED
