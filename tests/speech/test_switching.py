"""A conversation changes its voice to another worker's while it goes on, one that is loaded or one that is not."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from antiphon_adapter_tone.ears import listen
from antiphon_core.registry.urls import fleet_for
from antiphon_orchestrator.llm.echo import EchoLlm
from antiphon_orchestrator.providers import Ears, Mind, Providers
from antiphon_orchestrator.speech.client import SpeechClient
from antiphon_orchestrator.speech.fleet_speech import FleetSpeech
from antiphon_orchestrator.testing.ears import ScriptedAsr, ScriptedTurnDetector, ScriptedVad
from antiphon_orchestrator.testing.server import Caller, Scripted, Serving, serving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]

RATE_HZ = 24_000
TEXT = "seven green boats sail home"
PITCHES_HZ = {"near": 120.0, "far": 180.0, "cold": 260.0}
READY_S = 60.0


@dataclass
class OverWorkers(Scripted):
    """A server's parts, with a real mouth over real workers."""

    registry: str = ""

    def providers(self) -> Providers:
        ears = Ears(ScriptedVad, ScriptedTurnDetector(), ScriptedAsr())
        fleet = fleet_for(self.registry)
        speech = FleetSpeech(fleet, SpeechClient())
        return Providers(lambda: ears, lambda: Mind(EchoLlm("{text}")), fleet, speech, speech.close)


def write(folder: Path, models: dict[str, dict[str, Any]]) -> None:
    folder.mkdir()
    for name, fields in models.items():
        (folder / f"{name}.tone.json").write_text(json.dumps(fields), encoding="utf-8")


@asynccontextmanager
async def engine(folder: Path, **models: dict[str, Any]) -> AsyncIterator[int]:
    """A worker process with models of its own, the first of them loaded; its port."""
    write(folder, models)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = ("--adapter", "tone", "--model", next(iter(models)), "--own-dir", str(folder), "--port", str(port))
    process = await create_subprocess_exec(sys.executable, "-m", "antiphon_core.worker.main", *flags, stderr=PIPE)
    try:
        assert process.stderr is not None
        async with asyncio.timeout(READY_S):
            while b'"ready"' not in (line := await process.stderr.readline()):
                assert line, "the worker ended before it was ready"
        reading = asyncio.create_task(process.stderr.read())
        yield port
    finally:
        process.terminate()
        await process.wait()
    await reading


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Serving]:
    """One worker has `near`; the other has `far`, and `cold`, which it has not loaded."""
    async with AsyncExitStack() as stack:
        ports = [
            await stack.enter_async_context(engine(tmp_path / "one", near={"pitch_hz": PITCHES_HZ["near"]})),
            await stack.enter_async_context(
                engine(
                    tmp_path / "two",
                    far={"pitch_hz": PITCHES_HZ["far"]},
                    cold={"pitch_hz": PITCHES_HZ["cold"], "options": {"load_ms": "700"}, "licence": "CC0-1.0"},
                )
            ),
        ]
        registry = "static://" + ",".join(f"127.0.0.1:{port}" for port in ports)
        server = await stack.enter_async_context(serving(OverWorkers(registry=registry), voice="near"))
        await models_become(server, lambda models: {"near", "far"} <= models.keys())
        yield server


async def told_models(house: Serving) -> dict[str, dict[str, Any]]:
    answer = (await house.http.get("/v1/models")).json()
    return {model["id"]: model for model in answer["data"]}


async def models_become(house: Serving, condition: Callable[[dict[str, dict[str, Any]]], bool]) -> None:
    """Waits: workers tell of themselves in their own time."""
    async with asyncio.timeout(15.0):
        while not condition(await told_models(house)):  # noqa: ASYNC110 # there is no event for it
            await asyncio.sleep(0.1)


async def turn(caller: Caller, voice: str = "") -> tuple[list[str], float]:
    """Changes the voice, says something, and hears the answer: its words, and how high it is spoken."""
    if voice:
        output = {"voice": voice}
        await caller.send("session.update", session={"type": "realtime", "audio": {"output": output}})
        await caller.until("session.updated")
    caller.told.clear()
    await caller.write(TEXT)
    await caller.send("response.create")
    done = await caller.until("response.done", limit_s=30.0)
    assert done["response"]["status"] == "completed"
    said = [event["delta"] for event in caller.told if event["type"] == "response.output_audio.delta"]
    heard = listen(b"".join(map(base64.b64decode, said)), RATE_HZ, TEXT.split())
    return [word.word for word in heard], sum(word.pitch_hz for word in heard) / max(1, len(heard))


def errors(caller: Caller) -> list[dict[str, Any]]:
    return [event for event in caller.told if event["type"] == "error"]


async def test_a_conversation_changes_to_another_workers_voice_and_back(house: Serving) -> None:
    async with house.call() as caller:
        for voice in ("", "far", "near/bass", "far/tenor"):
            words, pitch_hz = await turn(caller, voice)
            assert words == TEXT.split()
            assert pitch_hz == pytest.approx(PITCHES_HZ[voice.partition("/")[0] or "near"], rel=0.05)
            assert not errors(caller)


async def test_a_voice_that_is_not_loaded_is_loaded_while_the_caller_waits(house: Serving) -> None:
    assert not (await told_models(house))["cold"]["resident"]
    async with house.call() as caller:
        await turn(caller)
        words, pitch_hz = await turn(caller, "cold/alto")
        assert (words, errors(caller)) == (TEXT.split(), [])
        assert pitch_hz == pytest.approx(PITCHES_HZ["cold"], rel=0.05)
    await models_become(house, lambda models: models["cold"]["resident"])


async def test_an_unknown_voice_is_refused_with_those_there_are_and_the_call_goes_on(house: Serving) -> None:
    async with house.call() as caller:
        await caller.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "none"}}})
        refused = await caller.until("error")
        assert "far/tenor" in refused["error"]["message"]
        assert (await turn(caller))[0] == TEXT.split()


async def test_models_and_voices_tell_their_engine_languages_licence_and_whether_they_are_loaded(
    house: Serving,
) -> None:
    models = await told_models(house)
    assert {name for name, model in models.items() if model["resident"]} == {"near", "far"}
    assert (models["cold"]["engine"], models["cold"]["licence"]) == ("tone", "CC0-1.0")
    assert "de-DE" in models["cold"]["languages"]
    voices = {voice["id"]: voice for voice in (await house.http.get("/v1/voices")).json()["data"]}
    assert voices["cold/sopran"]["languages"] == ["de-DE", "de"]
    assert (voices["cold/sopran"]["engine"], voices["cold/sopran"]["resident"]) == ("tone", False)
    assert (voices["near/alto"]["licence"], voices["near/alto"]["resident"]) == ("Apache-2.0", True)
