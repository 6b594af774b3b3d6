"""However a call ends, or never begins, nothing of it is left."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aioice.ice
import psutil
import pytest
from antiphon_orchestrator.api.realtime import webrtc
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.rtc import RtcCaller, calling
from antiphon_orchestrator.testing.server import Serving, eventually, serving
from antiphon_orchestrator.testing.tones import Sounding

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

SDP = {"Content-Type": "application/sdp"}


@asynccontextmanager
async def nothing_left(server: Serving) -> AsyncIterator[None]:
    """Tasks, threads and files are as before."""
    process = psutil.Process()
    before = len(asyncio.all_tasks()), threading.active_count(), process.num_fds()
    yield
    await eventually(lambda: not len(server.server.conversations), 30)

    def left() -> tuple[int, int, int]:
        gc.collect()
        return len(asyncio.all_tasks()), threading.active_count(), process.num_fds()

    await eventually(lambda: all(now <= then for now, then in zip(left(), before, strict=True)), 20)


async def warmed_up(server: Serving) -> None:
    """What the first call brings with it for good: imports, threads of the pool, open libraries."""
    for _ in range(2):
        async with calling(server.http):
            pass
    await eventually(lambda: not len(server.server.conversations))


def cut(caller: RtcCaller) -> None:
    """The caller's machine is gone, without a word."""
    connection = caller.connection.getSenders()[0].transport.transport._connection
    for protocol in connection._protocols:
        protocol.transport.abort()


async def test_a_call_that_is_hung_up_in_mid_answer_leaves_nothing() -> None:
    async with serving(Sounding(mind=ScriptedLlm(["word " * 60], ["word " * 60]))) as server:
        await warmed_up(server)
        async with nothing_left(server):
            for polite in (True, False):
                async with calling(server.http) as call:
                    call.write("Go on.")
                    await call.until("output_audio_buffer.started")
                    if polite:
                        assert (await server.http.post(f"{call.location}/hangup")).status_code == 200
        again = await server.http.post(f"{call.location}/hangup")
        assert again.status_code == 404


async def test_a_peer_that_vanishes_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.1)
    monkeypatch.setattr(aioice.ice, "CONSENT_FAILURES", 2)
    async with serving(Sounding()) as server:
        await warmed_up(server)
        async with nothing_left(server):
            caller = RtcCaller(server.http)
            await caller.call()
            cut(caller)
            await eventually(lambda: not len(server.server.conversations), 20)
            await caller.close()


async def test_a_handshake_that_stays_half_open_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc, "HANDSHAKE_S", 0.3)
    async with serving(Sounding()) as server:
        await warmed_up(server)
        monkeypatch.setattr(webrtc, "HANDSHAKE_S", 0.3)
        async with nothing_left(server):
            caller = RtcCaller(server.http)
            answer = await server.http.post("/v1/realtime/calls", content=await caller.offer(), headers=SDP)
            assert answer.status_code == 201
            await caller.close()
        metrics = (await server.http.get("/metrics")).text
    assert 'reason="never_connected"' in metrics


async def test_the_server_may_end_in_mid_call() -> None:
    async with serving(Sounding(mind=ScriptedLlm(["word " * 60]))) as server:
        caller = RtcCaller(server.http)
        await caller.call()
        caller.write("Go on.")
        await caller.until("output_audio_buffer.started")
    try:
        await eventually(lambda: caller.channel.readyState == "closed" or caller.connection.connectionState == "closed")
    finally:
        await caller.close()
