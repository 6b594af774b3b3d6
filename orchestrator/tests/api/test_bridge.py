"""What a client may do wrong, and that it harms nothing: an error event, and the session goes on."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import numpy as np
import pytest
from antiphon_orchestrator.api.codec import AudioIn
from antiphon_orchestrator.api.realtime.audio_text import MAX_BYTES
from antiphon_orchestrator.api.realtime.bridge import MAX_TEXT_BYTES, Bridge
from antiphon_orchestrator.ports import EARS_RATE_HZ
from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.virtual_time import virtually
from antiphon_orchestrator.testing.voice import silence, speak
from antiphon_orchestrator.testing.wire import Wire, wire

APPEND = "input_audio_buffer.append"


PCM_16 = {"type": "audio/pcm", "rate": 16_000}
PCMU = {"type": "audio/pcmu"}


def update(session: dict[str, Any]) -> str:
    return json.dumps({"type": "session.update", "session": session})


def respond(response: dict[str, Any]) -> str:
    return json.dumps({"type": "response.create", "response": response})


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def still_works(client: Wire) -> None:
    """A question is still answered."""
    ended = len(client.all("response.done"))
    await client.say("What time is it?")
    done = await client.until("response.done", times=ended + 1)
    assert done["response"]["status"] == "completed"


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("", "invalid_json", None),
        (b"\xff\xfe", "invalid_json", None),
        ("[" * 100_000, "invalid_json", None),
        ('{"type": NaN}', "invalid_json", None),
        ("[" + "0," * 200_000 + "0]", "invalid_json", None),
        ("7" * 5_000, "invalid_json", None),
        ("[1]", "invalid_json", None),
        ('{"type": "session.upd"}', "invalid_value", "type"),
        ('{"type": 3}', "invalid_value", "type"),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": null}', "invalid_type", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "%%%%"}', "invalid_value", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "AAA"}', "invalid_value", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "A==="}', "invalid_value", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "=AAA"}', "invalid_value", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "AA=="}', "invalid_value", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "ääää"}', "invalid_value", "audio"),
        ('{"type": "input_audio_buffer.commit"}', "input_audio_buffer_commit_empty", None),
        ('{"type": "conversation.item.delete", "item_id": "nowhere"}', "item_delete_invalid_item_id", "item_id"),
        ('{"type": "conversation.item.retrieve", "item_id": "\\ud800"}', "invalid_json", None),
        ('{"type": "response.cancel"}', "response_cancel_not_active", None),
        (update({"audio": {"output": {"speed": 9}}}), "invalid_value", "session.audio.output.speed"),
        (update({"nonsense": 1}), "unknown_parameter", "session.nonsense"),
        (update({"audio": {"input": {"format": PCM_16}}}), "invalid_value", "session.audio.input.format.rate"),
        (respond({"audio": {"output": {"format": PCMU}}}), "invalid_value", "response.audio.output.format"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_and_changes_nothing(
    message: str | bytes, code: str, param: str | None
) -> None:
    @virtually
    async def conversation() -> None:
        async with wire(ScriptedLlm()) as client:
            before = client.session.config.model_dump()
            await client.bridge.receive(message)
            await asyncio.sleep(0.1)
            (error,) = client.errors
            assert (error["code"], error["param"]) == (code, param)
            assert len(error["message"]) < 2_000
            assert [event["type"] for event in client.told] == ["session.created", "error"]
            assert client.session.config.model_dump() == before
            await still_works(client)

    conversation()


@virtually
async def test_an_error_names_the_event_that_caused_it() -> None:
    async with wire(ScriptedLlm()) as client:
        await client.send("conversation.item.delete", item_id="nowhere", event_id="mine")
        await client.send(APPEND, audio="%", event_id="this")
        await asyncio.sleep(0)
        assert [error["event_id"] for error in client.errors] == ["mine", "this"]


@virtually
async def test_audio_before_anything_else_is_heard() -> None:
    async with wire(ScriptedLlm()) as client:
        await still_works(client)


@virtually
async def test_audio_that_is_wrong_anywhere_is_heard_nowhere() -> None:
    async with wire(ScriptedLlm()) as client:
        good = base64_of(bytes(48_000))
        for bad in (good[:-4] + "A%AA", base64_of(bytes(48_001)), good + "AAAA=AAA"):
            await client.send(APPEND, audio=bad)
        assert not client.session.has_uncommitted_audio
        await asyncio.sleep(0)
        assert len(client.errors) == 3


@virtually
async def test_audio_longer_than_a_message_may_hold_is_refused() -> None:
    async with wire(ScriptedLlm()) as client:
        await client.send(APPEND, audio="AAAA" * (MAX_BYTES // 3 + 1))
        await asyncio.sleep(0)
        assert "at most" in client.errors[0]["message"]
        assert not client.session.has_uncommitted_audio


@virtually
async def test_a_message_without_audio_may_not_be_long() -> None:
    async with wire(ScriptedLlm()) as client:
        await client.send("session.update", session={"instructions": "x" * MAX_TEXT_BYTES})
        await asyncio.sleep(0)
        assert "without audio" in client.errors[0]["message"]


@virtually
async def test_eight_megabytes_of_audio_let_others_work_in_between() -> None:
    async with wire(ScriptedLlm()) as client:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        await client.append(silence(60 * EARS_RATE_HZ))
        task.cancel()
        assert turns >= 60 * 1000 // 120


@virtually
async def test_all_of_a_long_message_is_heard_and_its_turn_answered() -> None:
    mind = ScriptedLlm()
    async with wire(mind) as client:
        await client.append(np.concatenate((silence(EARS_RATE_HZ), speak("What time is it?"), silence(EARS_RATE_HZ))))
        await client.until("response.done")
        assert mind.asked[0].messages[-1].text == "What time is it?"


@pytest.mark.parametrize("media_type", ["audio/pcm", "audio/pcmu", "audio/pcma"])
def test_any_format_goes_both_ways(media_type: str) -> None:
    @virtually
    async def conversation() -> None:
        mind = ScriptedLlm(["It is noon."])
        async with wire(mind) as client:
            format_ = {"type": media_type}
            await client.send("session.update", session={"audio": {"input": {"format": format_}}})
            await client.send("session.update", session={"audio": {"output": {"format": format_}}})
            client.media_type = media_type
            await client.say("What time is it?")
            await client.until("response.done")
            assert len(mind.asked[0].messages[-1].text) == len("What time is it?")
            bytes_a_frame = AudioIn(media_type).bytes_of_ms(20)
            assert len(client.audio) == 3 * 10 * bytes_a_frame
            created = client.all("response.created")[0]["response"]
            assert created["audio"]["output"]["format"]["type"] == media_type

    conversation()


@virtually
async def test_a_recording_in_an_item_is_recognised_whichever_parts_it_comes_in() -> None:
    mind = ScriptedLlm()
    async with wire(mind) as client:
        parts = [
            {"type": "input_audio", "audio": base64_of(np.repeat(speak(text) * 32768, 1).astype("<i2").tobytes())}
            for text in ("ab.", "cd.")
        ]
        await client.send("session.update", session={"audio": {"input": {"format": {"type": "audio/pcm"}}}})
        await client.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": [*parts, *parts]}
        )
        await client.send("response.create")
        await client.until("response.done")
        assert client.errors == []
        assert mind.asked


@virtually
async def test_a_recording_that_is_none_is_refused_and_no_item() -> None:
    async with wire(ScriptedLlm()) as client:
        for audio in ("%", "AA=="):
            content = [{"type": "input_audio", "audio": audio}]
            await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await asyncio.sleep(0)
        assert [error["param"] for error in client.errors] == ["item.content", "item.content"]
        assert len(client.session.conversation) == 0
        await still_works(client)


@virtually
async def test_the_session_is_told_as_it_is() -> None:
    async with wire(ScriptedLlm(), config=SessionConfig(instructions="Be kind.")) as client:
        await client.send("session.update", session={"audio": {"input": {"turn_detection": None}}})
        await asyncio.sleep(0)
        created, updated = client.told
        assert created["type"] == "session.created"
        assert created["session"]["id"] == client.session.id
        assert updated["session"]["instructions"] == "Be kind."
        assert updated["session"]["audio"]["input"]["turn_detection"] is None


@virtually
async def test_a_whole_conversation_by_messages() -> None:
    async with wire(ScriptedLlm(["One."], ["Two."])) as client:
        user = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Count."}]}
        await client.send("conversation.item.create", item={"id": "a", **user})
        await client.send("conversation.item.create", item={"id": "b", **user}, previous_item_id="root")
        await client.send("conversation.item.retrieve", item_id="a")
        await client.send("conversation.item.delete", item_id="b")
        await client.send("response.create", response={"metadata": {"k": "v"}, "max_output_tokens": 20})
        await client.until("response.done")
        item = next(item.id for item in client.session.conversation if item.id != "a")
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=0)
        reference: dict[str, Any] = {"type": "item_reference", "id": "a"}
        await client.send(
            "response.create",
            response={"conversation": "none", "output_modalities": ["text"], "input": [reference, user]},
        )
        await client.until("response.done", times=2)
        await client.send("input_audio_buffer.clear")
        await client.send("output_audio_buffer.clear")
        await asyncio.sleep(0)
        assert client.errors == []
        assert {
            "conversation.item.retrieved",
            "conversation.item.deleted",
            "conversation.item.truncated",
            "input_audio_buffer.cleared",
        } <= {event["type"] for event in client.told}


@virtually
async def test_a_conversation_that_was_held_elsewhere_can_be_told() -> None:
    mind = ScriptedLlm()
    async with wire(mind) as client:
        call = {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"}
        for item in (
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be kind."}]},
            {"type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": "How is it?"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me look."}]},
            call,
            {"type": "function_call_output", "call_id": "c", "output": "rain"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": "It rains."}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Thanks."}]},
        ):
            await client.send("conversation.item.create", item=item)
        await client.send("response.create")
        await client.until("response.done")
        assert client.errors == []
        told = [(message.role, message.text) for message in mind.asked[0].messages]
        assert told == [
            ("system", "Be kind."),
            ("user", "How is it?"),
            ("assistant", "Let me look."),
            ("tool", "rain"),
            ("assistant", "It rains."),
            ("user", "Thanks."),
        ]


@virtually
async def test_what_the_session_hears_another_ear_may_hear_as_well() -> None:
    async with wire(ScriptedLlm()) as client:
        heard: list[int] = []
        bridge = Bridge(client.session, client.outbox.event, lambda samples: heard.append(len(samples)))
        client.bridge = bridge
        await client.append(silence(EARS_RATE_HZ))
        assert sum(heard) == pytest.approx(EARS_RATE_HZ, abs=200)


@virtually
async def test_nothing_is_taken_once_the_session_is_over() -> None:
    async with wire(ScriptedLlm()) as client:
        client.session.hang_up()
        await asyncio.sleep(0.1)
        told = len(client.told)
        for message in ('{"type": "response.create"}', "{", json.dumps({"type": APPEND, "audio": "AAAA"})):
            await client.bridge.receive(message)
        await asyncio.sleep(0.1)
        assert len(client.told) == told
