"""Calls over WebRTC, between a real server and aiortc on the other end: real ICE, DTLS, SRTP, Opus and SCTP."""

from __future__ import annotations

import json

import numpy as np
import pytest
from antiphon_orchestrator.ports import EARS_RATE_HZ
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.rtc import RATE_HZ, RtcCaller, calling
from antiphon_orchestrator.testing.server import eventually, serving
from antiphon_orchestrator.testing.tones import OneSentence, Sounding, loud_ms, tone

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

CALLS = "/v1/realtime/calls"
SDP = {"Content-Type": "application/sdp"}
LONG = ["word " * 60]


async def test_an_answer_is_heard_and_its_beginning_and_end_are_told() -> None:
    mind = ScriptedLlm(["Hello there. ", "How are you?"])
    async with serving(Sounding(mind=mind)) as server, calling(server.http) as call:
        call.write("Hello.")
        stopped = await call.until("output_audio_buffer.stopped")
        done = await call.until("response.done")
        # Five words of 200 ms; the last of them may still be on its way.
        await eventually(lambda: loud_ms(call.audio, RATE_HZ) >= 700)
    assert done["response"]["status"] == "completed"
    assert stopped["response_id"] == done["response"]["id"]
    told = [type_ for type_ in call.types if type_.startswith("output_audio_buffer.") or type_ == "response.done"]
    assert told == ["output_audio_buffer.started", "response.done", "output_audio_buffer.stopped"]
    assert "response.output_audio.delta" not in call.types


async def test_what_the_user_says_is_answered() -> None:
    asr = OneSentence("What is it?")
    async with serving(Sounding(asr=asr)) as server, calling(server.http) as call:
        call.microphone.say(tone(1.0))
        await call.until("response.done")
    assert max(int(np.count_nonzero(np.abs(audio) > 0.1)) for audio in asr.heard) > 0.5 * EARS_RATE_HZ


async def test_a_client_may_clear_what_is_played() -> None:
    async with serving(Sounding(mind=ScriptedLlm(LONG))) as server, calling(server.http) as call:
        call.write("Tell me everything.")
        await call.until("output_audio_buffer.started")
        call.send("output_audio_buffer.clear")
        cleared = await call.until("output_audio_buffer.cleared")
        done = await call.until("response.done")
    assert cleared["response_id"] == done["response"]["id"]
    assert done["response"]["status"] == "cancelled"


async def test_a_session_may_come_with_the_offer() -> None:
    async with serving(Sounding()) as server:
        caller = RtcCaller(server.http)
        try:
            session = {"type": "realtime", "instructions": "Be brief.", "model": "gpt-realtime"}
            form = {"sdp": (None, await caller.offer()), "session": (None, json.dumps(session))}
            await caller.take(await server.http.post(CALLS, files=form))
            created = await caller.until("session.created")
        finally:
            await caller.close()
    assert created["session"]["instructions"] == "Be brief."
    assert created["session"]["model"] == "gpt-realtime"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", SDP, 400, "invalid_offer"),
        (b"nonsense", SDP, 400, "invalid_offer"),
        (b"v=0\r\nm=audio what\r\n", SDP, 400, "invalid_offer"),
        (b"\xff\xfe", SDP, 400, "invalid_offer"),
        (b"a" * 300_000, SDP, 413, "request_too_large"),
        (b"{}", {"Content-Type": "application/json"}, 415, "unsupported_media_type"),
    ],
)
async def test_what_is_no_offer_is_refused(body: bytes, headers: dict[str, str], status: int, code: str) -> None:
    async with serving() as server:
        answer = await server.http.post(CALLS, content=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert not len(server.server.conversations)


@pytest.mark.parametrize(("session", "param"), [("{", "session"), ("[]", "session"), ('{"tools": 5}', "session.tools")])
async def test_an_offer_with_an_impossible_session_is_refused(session: str, param: str) -> None:
    async with serving() as server:
        caller = RtcCaller(server.http)
        form = {"sdp": (None, await caller.offer()), "session": (None, session)}
        await caller.close()
        answer = await server.http.post(CALLS, files=form)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == param


async def test_an_offer_beyond_the_last_place_is_refused() -> None:
    async with serving(Sounding(), max_sessions=1) as server, calling(server.http):
        late = RtcCaller(server.http)
        answer = await server.http.post(CALLS, content=await late.offer(), headers=SDP)
        await late.close()
        assert answer.status_code == 429
        assert answer.headers["Retry-After"]


async def test_a_call_without_a_data_channel_is_heard() -> None:
    """Who only wants to talk sends no events and takes none."""
    asr = OneSentence("What is it?")
    async with serving(Sounding(asr=asr)) as server:
        caller = RtcCaller(server.http, with_events=False)
        try:
            await caller.take(await server.http.post(CALLS, content=await caller.offer(), headers=SDP))
            caller.microphone.say(tone(1.0))
            await eventually(lambda: loud_ms(caller.audio, RATE_HZ) > 200, 30)
        finally:
            await caller.close()


async def test_video_is_declined() -> None:
    async with serving(Sounding()) as server:
        caller = RtcCaller(server.http)
        caller.connection.addTransceiver("video", "sendrecv")
        answer = await server.http.post(CALLS, content=await caller.offer(), headers=SDP)
        await caller.close()
    video = answer.text.split("m=video")[1].split("m=")[0]
    assert "a=inactive" in video
