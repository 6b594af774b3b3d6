"""Whole conversations over the Realtime protocol while workers and the registry are killed."""

from __future__ import annotations

import asyncio
import base64
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from antiphon_adapter_tone.ears import words_in
from antiphon_core.registry.urls import fleet_for
from antiphon_core.testkit.redis_server import RedisServer
from antiphon_orchestrator.providers import Ears, Mind, Providers
from antiphon_orchestrator.speech.client import SpeechClient
from antiphon_orchestrator.speech.fleet_speech import FleetSpeech
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.server import Caller, Scripted, Serving, serving
from registry_party import until
from workers import WorkerProcess, workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SENTENCES = (
    "A dozen old friends quietly walked home along the river. ",
    "They were singing songs about summer and distant hills. ",
    "Nobody noticed when the moon rose above the water.",
)
WORDS = "".join(SENTENCES).replace(".", "").split()
ANSWERS = 4


class OverTheFleet(Scripted):
    """Scripted ears and mind, real voices."""

    def __init__(self, registry: str) -> None:
        super().__init__(mind=ScriptedLlm(*[SENTENCES] * ANSWERS))
        self.workers = fleet_for(registry)
        self.voice = FleetSpeech(self.workers, SpeechClient())

    def providers(self) -> Providers:
        scripted = super().providers()
        ears: Ears = scripted.load_ears()
        mind: Mind = scripted.load_mind()
        return Providers(
            lambda: ears, lambda: mind, self.workers, self.voice, self.voice.close, self.voice.idle_workers
        )


@asynccontextmanager
async def talking(redis: RedisServer, count: int) -> AsyncIterator[tuple[Serving, OverTheFleet, list[WorkerProcess]]]:
    slow = ("--option", "rtf=0.9", "--option", "chunk_ms=60")
    async with workers(redis.url, count, *slow) as there:
        scripted = OverTheFleet(redis.url)
        async with serving(scripted, voice="tone", speechless_apology="sorry") as server:
            await until(lambda: len(scripted.workers.workers()) == count)
            yield server, scripted, there


async def answer(caller: Caller) -> list[str]:
    """What is heard of an answer, by ear."""
    before = len(caller.told)
    await caller.write("Go on.")
    await caller.send("response.create")
    await caller.until("response.done", 60.0)
    return heard(caller.told[before:])


def heard(events: Sequence[dict[str, object]]) -> list[str]:
    deltas = [str(event["delta"]) for event in events if event["type"] == "response.output_audio.delta"]
    return words_in(b"".join(map(base64.b64decode, deltas)), 24_000, dict.fromkeys([*WORDS, "sorry"]))


async def test_a_worker_killed_in_each_answer_is_never_noticed(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        async with talking(redis, 3) as (server, scripted, there), server.call() as caller:
            for _ in range(2):
                answering = asyncio.create_task(answer(caller))
                await until(scripted.voice.in_flight)
                await asyncio.sleep(2.0)
                busy = [worker for worker in there if worker.address in scripted.voice.in_flight()]
                busy[0].send(signal.SIGKILL)
                assert await answering == WORDS


async def test_the_registry_dies_in_mid_conversation_and_nobody_notices(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        async with talking(redis, 2) as (server, scripted, _), server.call() as caller:
            answering = asyncio.create_task(answer(caller))
            await until(scripted.voice.in_flight)
            redis.kill()
            assert await answering == WORDS
            async with server.call() as newcomer:
                assert await answer(newcomer) == WORDS
            redis.start()
            await asyncio.sleep(5.0)
            assert len(scripted.workers.workers()) == 2
            assert await answer(caller) == WORDS


async def test_when_all_die_an_apology_is_heard_and_the_text_goes_on(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        async with talking(redis, 1) as (server, _, there), server.call() as caller:
            answering = asyncio.create_task(answer(caller))
            await until(lambda: any(event["type"] == "response.output_audio.delta" for event in caller.told))
            await asyncio.sleep(2.0)
            there[0].send(signal.SIGKILL)
            words = await answering
            assert words == [*WORDS[: len(words) - 1], "sorry"]
            done = caller.told[-1]["response"]
            assert done["status"] == "failed"
            assert done["output"][0]["content"][0]["transcript"] == "".join(SENTENCES)
