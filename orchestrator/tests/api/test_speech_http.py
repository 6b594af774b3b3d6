"""POST /v1/audio/speech over a real socket: every format, every refusal, and clients that hang up."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from typing import Any

import av
import numpy as np
import pytest
from antiphon_core.errors import AntiphonError, Full, UnknownVoice, WorkerGone
from antiphon_orchestrator.api.speech import RATE_HZ
from antiphon_orchestrator.testing.server import Scripted, eventually, serving
from antiphon_orchestrator.testing.speech import FRAMES_PER_WORD, ScriptedSpeech, words_heard

pytestmark = pytest.mark.integration

TEXT = "One two three four. Five six!"
SECONDS = 6 * FRAMES_PER_WORD * 0.02
URL = "/v1/audio/speech"


def decoded_seconds(data: bytes) -> float:
    with av.open(io.BytesIO(data), "r") as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
        rate = container.streams.audio[0].rate
    return float(samples / rate)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("mp3", "audio/mpeg"), ("opus", "audio/ogg"), ("aac", "audio/aac"), ("flac", "audio/flac"), ("wav", "audio/wav")],
)
async def test_every_format_plays_and_is_as_long_as_what_was_said(name: str, media_type: str) -> None:
    async with serving() as server:
        answer = await server.http.post(URL, json={"input": TEXT, "response_format": name})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media_type
        assert decoded_seconds(answer.content) == pytest.approx(SECONDS, abs=0.1)


async def test_pcm_is_every_word_at_24_khz() -> None:
    async with serving() as server:
        answer = await server.http.post(URL, json={"input": TEXT, "response_format": "pcm"})
        assert len(answer.content) == SECONDS * RATE_HZ * 2
        assert words_heard(answer.content, TEXT.split()) == TEXT.split()


async def test_mp3_is_what_comes_unless_something_else_is_wanted() -> None:
    async with serving() as server:
        answer = await server.http.post(URL, json={"input": TEXT})
        assert answer.headers["content-type"] == "audio/mpeg"


async def test_speech_comes_while_it_is_made() -> None:
    async with serving(Scripted(speech=ScriptedSpeech(frame_s=0.02))) as server:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        async with server.http.stream("POST", URL, json={"input": TEXT * 3, "response_format": "pcm"}) as answer:
            first_s = None
            async for _ in answer.aiter_bytes():
                first_s = first_s or loop.time() - began_s
        assert first_s is not None
        assert first_s < (loop.time() - began_s) / 2


async def test_as_events_it_is_base64_and_ends_with_done() -> None:
    async with serving() as server:
        body = {"input": TEXT, "response_format": "pcm", "stream_format": "sse"}
        answer = await server.http.post(URL, json=body)
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
        assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
        assert events[-1] == {
            "type": "speech.audio.done",
            "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
        }
        audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
        assert words_heard(audio, TEXT.split()) == TEXT.split()


async def test_what_a_client_wants_reaches_the_engine() -> None:
    speech = ScriptedSpeech()
    async with serving(Scripted(speech=speech)) as server:
        wish = {"voice": {"id": "scripted/two"}, "speed": 1.5, "language": "de", "instructions": "Whisper."}
        await server.http.post(URL, json={"input": "Hallo.", "model": "tts-1", **wish})
        (choice,) = speech.choices
        assert (choice.voice, choice.speed, choice.language) == ("scripted/two", 1.5, "de")
        assert choice.options == {"instructions": "Whisper."}


async def test_habitual_names_mean_the_default_voice_and_others_name_a_model() -> None:
    speech = ScriptedSpeech()
    async with serving(Scripted(speech=speech)) as server:
        for model, voice in (("tts-1-hd", "alloy"), ("scripted", "nova"), ("scripted", "two")):
            await server.http.post(URL, json={"input": "Hello.", "model": model, "voice": voice})
        assert [choice.voice for choice in speech.choices] == ["", "scripted", "scripted/two"]


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"input": ""}, 400, "invalid_value", None),
        ({"input": " \n"}, 400, "invalid_value", None),
        ({"input": "x" * 5_000}, 400, "invalid_value", None),
        ({"input": "x" * 200_000}, 413, "request_too_large", None),
        ({}, 400, "missing_required_parameter", "input"),
        ({"input": 3}, 400, "invalid_type", "input"),
        ({"input": "x", "nonsense": 1}, 400, "unknown_parameter", "nonsense"),
        ({"input": "x", "response_format": "ogg"}, 400, "invalid_value", "response_format"),
        ({"input": "x", "speed": 0.1}, 400, "invalid_value", "speed"),
        ({"input": "x", "speed": 9}, 400, "invalid_value", "speed"),
        ("{", 400, "invalid_json", None),
        ("[" * 5_000, 400, "invalid_json", None),
        ("[]", 400, "invalid_type", ""),
    ],
)
async def test_what_is_wrong_is_named(body: Any, status: int, code: str, param: str | None) -> None:
    async with serving() as server:
        content = body if isinstance(body, str) else json.dumps(body)
        answer = await server.http.post(URL, content=content)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (status, code, param)


@pytest.mark.parametrize(
    ("condition", "status", "code"),
    [
        (WorkerGone("no speech worker answers"), 503, "no_speech_worker"),
        (UnknownVoice("there is no voice 'x'; there are: a"), 400, "invalid_value"),
        (Full("busy", retry_after_ms=1_500), 429, "rate_limit_exceeded"),
    ],
)
async def test_a_failure_before_the_first_byte_has_its_own_status(
    condition: AntiphonError, status: int, code: str
) -> None:
    async with serving(Scripted(speech=ScriptedSpeech(errors=[condition]))) as server:
        answer = await server.http.post(URL, json={"input": TEXT})
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert answer.json()["error"]["message"] == condition.message
        assert answer.headers.get("retry-after") == ("2" if condition.retry_after_ms else None)


async def test_a_failure_in_the_middle_breaks_the_answer_off() -> None:
    speech = ScriptedSpeech(errors=[WorkerGone("it died")], frames_before_error=15)
    async with serving(Scripted(speech=speech)) as server:
        with pytest.raises(Exception, match=r"incomplete|closed"):
            await server.http.post(URL, json={"input": TEXT, "response_format": "pcm"})
        assert (await server.http.post(URL, json={"input": TEXT})).status_code == 200


async def test_a_failure_in_the_middle_of_events_is_the_last_of_them() -> None:
    speech = ScriptedSpeech(errors=[WorkerGone("it died")], frames_before_error=15)
    async with serving(Scripted(speech=speech)) as server:
        answer = await server.http.post(URL, json={"input": TEXT, "response_format": "pcm", "stream_format": "sse"})
        last = json.loads(answer.text.strip().split("\n\n")[-1].removeprefix("data: "))
        assert last["type"] == "error"
        assert last["error"]["message"] == "it died"


async def test_a_client_that_hangs_up_early_stops_the_engine() -> None:
    speech = ScriptedSpeech(frame_s=0.02)
    async with serving(Scripted(speech=speech)) as server:
        async with server.http.stream("POST", URL, json={"input": "word " * 500, "response_format": "pcm"}) as answer:
            async for _ in answer.aiter_bytes():
                break
            assert speech.running == 1
        await eventually(lambda: speech.running == 0, 5.0)


async def test_several_clients_are_served_at_once() -> None:
    async with serving() as server:
        answers = await asyncio.gather(
            *(server.http.post(URL, json={"input": TEXT, "response_format": "pcm"}) for _ in range(8))
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert np.frombuffer(answers[0].content, "<i2").any()
