"""Two hundred clients come and go, in every way there is: nothing of them is left."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import suppress

import psutil
import pytest
from antiphon_orchestrator.testing.llm import ScriptedLlm, Silence
from antiphon_orchestrator.testing.server import Scripted, Serving, eventually, serving
from antiphon_orchestrator.testing.speech import ScriptedSpeech
from websockets.exceptions import ConnectionClosed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

CLIENTS = 200
AT_ONCE = 10
GROWTH_BYTES = 24 * 1024 * 1024


async def come_and_go(server: Serving, number: int, mind: ScriptedLlm) -> None:
    """Hangs up politely, abruptly, in the middle of an answer, or while one is awaited."""
    async with server.call() as call:
        if number % 4 >= 2:
            mind.will(["word " * 50] if number % 4 == 2 else [Silence.HANG])
            await call.write("Hello.")
            await call.send("input_audio_buffer.append", audio="AAAA" * 1_600)
            await call.send("response.create")
            with suppress(ConnectionClosed):
                await call.until("response.created")
        if number % 3 == 0:
            call.socket.transport.abort()


async def a_crowd(server: Serving, clients: int, mind: ScriptedLlm) -> None:
    for first in range(0, clients, AT_ONCE):
        await asyncio.gather(*(come_and_go(server, number, mind) for number in range(first, first + AT_ONCE)))
    await eventually(lambda: not len(server.server.conversations))


async def test_nothing_is_left_of_those_who_went() -> None:
    mind, speech = ScriptedLlm(), ScriptedSpeech()
    process = psutil.Process()
    async with serving(Scripted(mind=mind, speech=speech)) as server:
        await a_crowd(server, 40, mind)
        await server.http.get("/livez")
        gc.collect()
        tasks, threads, files = len(asyncio.all_tasks()), threading.active_count(), process.num_fds()
        before_bytes = process.memory_info().rss
        await a_crowd(server, CLIENTS, mind)
        await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
        await eventually(lambda: process.num_fds() <= files)
        gc.collect()
        assert (mind.running, speech.running) == (0, 0)
        assert threading.active_count() <= threads
        assert process.memory_info().rss - before_bytes < GROWTH_BYTES
        numbers = (await server.http.get("/metrics")).text
        assert f'antiphon_sessions_ended_total{{reason="hung_up"}} {CLIENTS + 40}.0' in numbers
