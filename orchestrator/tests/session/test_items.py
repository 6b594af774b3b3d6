"""The items of a conversation as a client handles them: created, read, cut and taken out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from antiphon_core.errors import EngineFailed
from antiphon_orchestrator.ports import EARS_RATE_HZ
from antiphon_orchestrator.session.config import Audio, AudioInput, SessionConfig, Transcription
from antiphon_orchestrator.session.conversation import AssistantMessage, SystemMessage, UserMessage
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.session.planner import Wish
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.party import Party, party
from antiphon_orchestrator.testing.virtual_time import virtually
from antiphon_orchestrator.testing.voice import speak

COUNT = "One two three four five six seven eight nine ten."


def transcribing() -> SessionConfig:
    return SessionConfig(audio=Audio(input=AudioInput(transcription=Transcription())))


def order(call: Party) -> list[str]:
    return [item.id for item in call.session.conversation]


def spoken_item(call: Party) -> AssistantMessage:
    return next(item for item in call.session.conversation if isinstance(item, AssistantMessage))


@virtually
async def test_items_are_put_where_the_client_wants_them() -> None:
    async with party(ScriptedLlm()) as call:
        call.commands.create_item(UserMessage("b", "two"), None)
        call.commands.create_item(UserMessage("d", "four"), None)
        call.commands.create_item(UserMessage("c", "three"), "b")
        call.commands.create_item(SystemMessage("a", "one"), "root")
        assert order(call) == ["a", "b", "c", "d"]
        assert [event["previous_item_id"] for event in call.client.all("conversation.item.added")] == [
            None,
            "b",
            "b",
            None,
        ]


@virtually
async def test_an_item_is_refused_where_it_cannot_be_put_and_nothing_changes() -> None:
    async with party(ScriptedLlm(), settings=SessionSettings(max_item_chars=10, max_items=2)) as call:
        call.commands.create_item(UserMessage("a", "one"), None)
        for item, after, code in (
            (UserMessage("b", "two"), "nowhere", "item_not_found"),
            (UserMessage("a", "two"), None, "item_create_duplicate_item_id"),
            (UserMessage("b", "x" * 11), None, "string_above_max_length"),
        ):
            with pytest.raises(Refusal) as refused:
                call.commands.create_item(item, after)
            assert refused.value.code == code
        call.commands.create_item(UserMessage("b", "two"), None)
        with pytest.raises(Refusal) as refused:
            call.commands.create_item(UserMessage("c", "three"), None)
        assert refused.value.code == "too_many_items"
        assert order(call) == ["a", "b"]


@virtually
async def test_an_item_can_be_read_and_taken_out() -> None:
    mind = ScriptedLlm()
    async with party(mind) as call:
        call.commands.create_item(UserMessage("a", "Forget me."), None)
        call.commands.create_item(UserMessage("b", "Hello."), None)
        call.commands.retrieve_item("a")
        assert call.client.all("conversation.item.retrieved")[0]["item"]["content"][0]["text"] == "Forget me."
        call.commands.delete_item("a")
        assert call.client.all("conversation.item.deleted")[0]["item_id"] == "a"
        call.commands.create_response(Wish())
        await call.until("response.done")
        assert "Forget me." not in str(mind.asked)


@virtually
async def test_an_item_that_is_not_there_is_refused_with_a_code_of_its_own_for_each_command() -> None:
    """Clients tell by it a race that they lost from a fault: Pipecat ends the call at any other code."""
    async with party(ScriptedLlm()) as call:
        commands: dict[str, Callable[[], object]] = {
            "retrieve": lambda: call.commands.retrieve_item("gone"),
            "delete": lambda: call.commands.delete_item("gone"),
            "truncate": lambda: call.commands.truncate_item("gone", 0, 0),
        }
        for verb, command in commands.items():
            with pytest.raises(Refusal) as refused:
                command()
            assert refused.value.code == f"item_{verb}_invalid_item_id"


@virtually
async def test_what_the_user_said_is_told_by_its_own_event_and_read_with_its_item() -> None:
    """LiveKit puts the transcript of the event behind whatever the item brought along."""
    async with party(ScriptedLlm(), config=transcribing()) as call:
        await call.say("Hello.")
        await call.until("response.done")
        for type_ in ("conversation.item.added", "conversation.item.done"):
            assert call.client.all(type_)[0]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
        completed = call.client.all("conversation.item.input_audio_transcription.completed")
        assert [event["transcript"] for event in completed] == ["Hello."]
        call.commands.retrieve_item(order(call)[0])
        item = call.client.all("conversation.item.retrieved")[0]["item"]
        assert item["content"] == [{"type": "input_audio", "transcript": "Hello."}]


@virtually
async def test_an_answer_that_is_deleted_while_it_is_spoken_is_not_remembered() -> None:
    mind = ScriptedLlm([COUNT])
    async with party(mind) as call:
        call.write("Count.")
        call.commands.create_response(Wish())
        await call.until("response.content_part.added")
        call.commands.delete_item(spoken_item(call).id)
        await call.until("response.done")
        await call.ask("Hello?")
        assert "One" not in str(mind.asked[-1].messages)


# ------------------------------------------------------------------------- truncate


@virtually
async def test_what_the_client_did_not_hear_leaves_the_history() -> None:
    mind = ScriptedLlm([COUNT])
    async with party(mind) as call:
        await call.ask("Count.")
        item = spoken_item(call)
        call.commands.truncate_item(item.id, 0, 650)
        assert item.heard == "One two three"
        assert call.client.all("conversation.item.truncated")[0]["audio_end_ms"] == 650
        await call.ask("And?")
        assert mind.asked[-1].messages[1].text == "One two three—"


@virtually
async def test_nothing_beyond_the_end_and_nothing_but_speech_can_be_cut() -> None:
    async with party(ScriptedLlm([COUNT])) as call:
        await call.ask("Count.")
        item = spoken_item(call)
        call.commands.create_item(AssistantMessage("w", "Written.", status="completed"), None)
        call.commands.create_item(AssistantMessage("s", "Said elsewhere.", spoken=True, status="completed"), None)
        for item_id, index, end_ms, param in (
            (item.id, 0, 2_100, "audio_end_ms"),
            (item.id, 1, 100, "content_index"),
            (order(call)[0], 0, 100, "item_id"),
            ("w", 0, 100, "item_id"),
            ("s", 0, 100, "audio_end_ms"),
            ("nowhere", 0, 100, "item_id"),
        ):
            with pytest.raises(Refusal) as refused:
                call.commands.truncate_item(item_id, index, end_ms)
            assert refused.value.param == param
        assert item.heard == COUNT


@virtually
async def test_an_answer_of_which_nothing_was_sent_can_be_cut_to_nothing() -> None:
    """Clients that stop the voice on their own send it whatever they have received."""
    async with party(ScriptedLlm([COUNT])) as call:
        call.speech.first_frame_s = 1.0
        call.write("Count.")
        call.commands.create_response(Wish())
        await call.until("response.content_part.added")
        call.commands.truncate_item(spoken_item(call).id, 0, 0)
        assert call.client.all("conversation.item.truncated")


@virtually
async def test_the_clients_word_of_what_it_heard_overrides_ours() -> None:
    async with party(ScriptedLlm([COUNT], ["Sorry."])) as call:
        await call.say("Count please.")
        await call.until("response.content_part.added")
        await call.pause(900)
        await call.say("Stop, what is this?")
        await call.until("response.done")
        item = spoken_item(call)
        call.commands.truncate_item(item.id, 0, 410)
        assert item.heard == "One two"


@virtually
async def test_who_truncates_an_answer_while_it_is_spoken_hears_no_more_of_it() -> None:
    async with party(ScriptedLlm([COUNT, 0.5, " And eleven, twelve, thirteen."])) as call:
        call.write("Count.")
        call.commands.create_response(Wish())
        await call.until("response.content_part.added")
        await call.pause(800)
        call.commands.truncate_item(spoken_item(call).id, 0, 410)
        frames = len(call.client.frames)
        await call.until("response.done", 1_000)
        await call.pause(1_000)
        assert len(call.client.frames) == frames
        assert spoken_item(call).heard == "One two"
        assert (await call.ask("And?"))["response"]["status"] == "completed"


# --------------------------------------------------------------------- recordings


@virtually
async def test_a_recording_that_is_sent_as_an_item_is_recognised_before_the_answer_is_made() -> None:
    mind = ScriptedLlm()
    async with party(mind) as call:
        call.asr.cost_s = 0.5
        call.commands.create_item(UserMessage("a", "", spoken=True), None, speak("What time is it?"))
        call.commands.create_response(Wish())
        await call.until("response.done")
        assert mind.asked[0].messages[-1].text == "What time is it?"


@virtually
async def test_what_was_typed_beside_a_recording_stays() -> None:
    mind = ScriptedLlm()
    async with party(mind) as call:
        call.commands.create_item(UserMessage("a", "Translate:"), None, speak("What time is it?"))
        call.commands.create_response(Wish())
        await call.until("response.done")
        assert mind.asked[0].messages[-1].text == "Translate: What time is it?"


@virtually
async def test_a_recording_that_cannot_be_recognised_is_told_and_answered_without() -> None:
    mind = ScriptedLlm()
    async with party(mind) as call:
        call.asr.fail(EngineFailed("no"))
        call.commands.create_item(UserMessage("a", "", spoken=True), None, speak("What time is it?"))
        call.commands.create_response(Wish())
        ended = await call.until("response.done")
        assert call.client.all("conversation.item.input_audio_transcription.failed")[0]["item_id"] == "a"
        assert ended["response"]["status"] == "completed"


@virtually
async def test_more_recordings_than_can_be_kept_are_refused() -> None:
    async with party(ScriptedLlm()) as call:
        call.asr.cost_s = 1.0
        ten_minutes = np.zeros(600 * EARS_RATE_HZ, np.float32)
        call.commands.create_item(UserMessage("a", "", spoken=True), None, ten_minutes)
        with pytest.raises(Refusal) as refused:
            call.commands.create_item(UserMessage("b", "", spoken=True), None, speak("Hello."))
        assert refused.value.code == "rate_limit_exceeded"
        assert order(call) == ["a"]


@virtually
async def test_an_item_that_comes_while_an_answer_is_prepared_on_trial_counts_for_it() -> None:
    mind = ScriptedLlm()
    async with party(mind) as call:
        await call.say("What is on")
        await call.pause(400)
        assert len(mind.asked) == 1
        call.commands.create_item(SystemMessage("s", "The screen shows a cat."), None)
        await call.until("response.done")
        assert "The screen shows a cat." in str(mind.asked[-1].messages)
        assert len(call.client.all("response.created")) == 1
