"""Calls over WebRTC, between a real server and aiortc on the other end: real ICE, DTLS, SRTP, Opus and SCTP."""

from __future__ import annotations

import asyncio

import pytest
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.server import eventually, serving
from caller import RATE_HZ, calling
from tones import Sounding, loud_ms

pytestmark = pytest.mark.integration


async def test_an_answer_is_heard_and_its_beginning_and_end_are_told() -> None:
    mind = ScriptedLlm(["Hello there. ", "How are you?"])
    async with serving(Sounding(mind=mind)) as server, calling(server.http) as call:
        call.write("Hello.")
        stopped = await call.until("output_audio_buffer.stopped")
        done = await call.until("response.done")
        await asyncio.sleep(0.2)  # what is still on its way
    assert done["response"]["status"] == "completed"
    assert stopped["response_id"] == done["response"]["id"]
    told = [type_ for type_ in call.types if type_.startswith("output_audio_buffer.") or type_ == "response.done"]
    assert told == ["output_audio_buffer.started", "response.done", "output_audio_buffer.stopped"]
    assert "response.output_audio.delta" not in call.types
    assert loud_ms(call.audio, RATE_HZ) >= 900, "five words of 200 ms"


async def test_hanging_up_ends_the_session() -> None:
    async with serving() as server, calling(server.http) as call:
        assert len(server.server.conversations) == 1
        answer = await server.http.post(f"{call.location}/hangup")
        assert answer.status_code == 200
        await eventually(lambda: not len(server.server.conversations))
        again = await server.http.post(f"{call.location}/hangup")
        assert again.status_code == 404
