"""A server that is told to end finishes what is under way, takes nothing new, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from antiphon_orchestrator.leaving import Leaving
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.server import Scripted, Serving, eventually, serving
from antiphon_orchestrator.testing.speech import ScriptedSpeech
from websockets.exceptions import InvalidStatus

pytestmark = pytest.mark.integration


@asynccontextmanager
async def leaving(scripted: Scripted, **settings: Any) -> AsyncIterator[tuple[Serving, Leaving]]:
    async with serving(scripted, **settings) as server:
        way = Leaving(server.server, server.web)
        running = asyncio.create_task(way.run())
        yield server, way
        running.cancel()


async def test_an_answer_is_heard_to_its_end_and_whoever_is_idle_is_sent_away_at_once() -> None:
    scripted = Scripted(mind=ScriptedLlm(["A few words to say."]))
    async with leaving(scripted) as (server, way), server.call() as speaking, server.call() as idle:
        await speaking.send("response.create")
        await speaking.until("response.created")
        way.asked()
        assert await idle.ended() == 1012
        assert await speaking.ended() == 1012
        done = [event for event in speaking.told if event["type"] == "response.done"]
        assert done[0]["response"]["status"] == "completed"
        await eventually(lambda: server.web.should_exit)


async def test_it_says_that_it_is_not_ready_and_takes_nothing_new() -> None:
    scripted = Scripted(mind=ScriptedLlm(["word " * 100]))
    async with leaving(scripted) as (server, way), server.call() as call:
        await call.send("response.create")
        await call.until("response.created")
        way.asked()
        ready = await server.http.get("/readyz")
        assert (ready.status_code, ready.text) == (503, "not ready: a future: the server is about to end\n")
        for path in ("/v1/audio/speech", "/v1/realtime/calls", "/v1/realtime/client_secrets"):
            refused = await server.http.post(path, json={})
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "server_draining")
            assert (refused.headers["retry-after"], refused.headers["connection"]) == ("1", "close")
        with pytest.raises(InvalidStatus) as no_session:
            async with server.call():
                pass
        assert no_session.value.response.status_code == 503
        assert (await server.http.get("/livez")).status_code == 200
        way.asked()


async def test_a_speech_request_under_way_is_answered_whole() -> None:
    scripted = Scripted(speech=ScriptedSpeech(first_frame_s=1.0))
    async with leaving(scripted) as (server, way):
        request = {"input": "one two three", "response_format": "pcm"}
        whole = (await server.http.post("/v1/audio/speech", json=request)).content
        asking = asyncio.create_task(server.http.post("/v1/audio/speech", json=request))
        await eventually(lambda: scripted.speech.running)  # type: ignore[attr-defined]
        way.asked()
        assert (await asking).content == whole
        await eventually(lambda: server.web.should_exit)


async def test_what_takes_longer_than_the_limit_is_ended() -> None:
    scripted = Scripted(mind=ScriptedLlm(["word " * 100]))
    async with leaving(scripted, drain_s=0.2) as (server, way), server.call() as call:
        await call.send("response.create")
        await call.until("response.created")
        way.asked()
        assert await call.ended() == 1012
        done = [event for event in call.told if event["type"] == "response.done"]
        assert done[0]["response"]["status"] == "cancelled"


async def test_a_second_signal_does_not_wait() -> None:
    scripted = Scripted(mind=ScriptedLlm(["word " * 100]))
    async with leaving(scripted) as (server, way), server.call() as call:
        await call.send("response.create")
        await call.until("response.created")
        way.asked()
        way.asked()
        assert await call.ended() == 1012
        done = [event for event in call.told if event["type"] == "response.done"]
        assert done[0]["response"]["status"] == "cancelled"
        await eventually(lambda: server.web.should_exit)
