"""Two engines that cannot be installed together, nor one of them with Ray, speak beside each other; who speaks what."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from antiphon_core.audio import Frame
from antiphon_core.registry.base import ModelState, WorkerRecord
from antiphon_core.testkit.redis_server import RedisServer
from antiphon_orchestrator.ports import VoiceChoice
from antiphon_orchestrator.speech.fleet_speech import FleetSpeech
from antiphon_orchestrator.testing.server import eventually
from process import HERE, UNHURRIED, UNHURRIED_LISTENER, Spoken, descendants, up

from tests.fleet.listener import WORDS, listening
from tests.isolation.house import protobuf_version
from tests.packaging.environment import Environment
from tools.projects import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

OLD = "4.25.8"
AUDIBLE = 300


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The reference engine with a protobuf that Ray's environment does not allow."""
    environment = Environment.make(tmp_path_factory.mktemp("old") / "venv")
    ours = [ROOT / place for place in ("proto", "core", "adapters/tone")]
    environment.pip("install", f"protobuf=={OLD}", *ours)
    return environment


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `antiphon env add` put an engine."""
    folder = tmp_path_factory.mktemp("environments")
    command = [sys.executable, "-m", "antiphon_orchestrator.cli.main", "env", "add", "hibari"]
    variables = {**os.environ, "ANTIPHON_ENVIRONMENTS": str(folder)}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def running(old: Environment, environments: Path, redis: RedisServer) -> Iterator[Spoken]:
    """`solo` is the same engine as `tone`, with another of its models in memory."""
    tone = {"python": str(old.folder / "bin/python"), "cpus": 0.1}
    solo = {**tone, "adapter": "tone", "settings": {"models": ["tone-solo"]}}
    content = {"registry": redis.url, "engines": {"tone": tone, "solo": solo, "hibari": {"cpus": 0.1}}}
    # With the second variable, the proxies of Ray Serve, if there were any, would be HAProxy's.
    variables = {**UNHURRIED, "ANTIPHON_ENVIRONMENTS": str(environments), "RAY_SERVE_ENABLE_HA_PROXY": "1"}
    with up(content, "--host", HERE, "--port", "0", variables=variables) as process:
        for name in content["engines"]:
            process.wait_for(f"{name}: 1 running")
        yield process


def protobufs(running: Spoken, folder: Path) -> set[str]:
    """Those of the workers whose Python is below that folder."""
    workers = [one for one in descendants(running.process.pid) if one.cmdline()[0].startswith(str(folder))]
    return {protobuf_version(worker) for worker in workers}


def test_workers_live_on_a_protobuf_of_their_own(running: Spoken, old: Environment, environments: Path) -> None:
    assert protobufs(running, old.folder) == {OLD}
    (newer,) = protobufs(running, environments)
    assert int(newer.split(".")[0]) > 5


async def test_both_speak(running: Spoken, redis: RedisServer) -> None:
    async with listening(redis.url, 3, UNHURRIED_LISTENER) as listener:
        (told, loud_ms) = await asyncio.gather(listener.hear(), loudness_ms(listener.speech))
        assert told.words == WORDS
        assert loud_ms > 500


@pytest.mark.parametrize("model", ["tone", "tone-solo"])
async def test_a_model_speaks_where_it_is_in_memory(running: Spoken, redis: RedisServer, model: str) -> None:
    async with listening(redis.url, 3, UNHURRIED_LISTENER) as listener:
        (has,) = [each.address for each in listener.fleet.workers() if is_resident(each, model)]
        for _ in range(4):
            # One that is told to have no place free is passed over.
            await eventually(lambda: not any(busy(each) for each in listener.fleet.workers()), 20.0)
            assert await speakers(listener.speech, model) == {has}


def is_resident(record: WorkerRecord, model: str) -> bool:
    status = record.description.status(model)
    return status is not None and status.state is ModelState.RESIDENT


def busy(record: WorkerRecord) -> bool:
    return record.description.load.in_flight > 0


async def speakers(speech: FleetSpeech, model: str) -> set[str]:
    """The addresses of the workers that speak to a new session."""
    return {
        address
        async for _ in speech.speak("Quietly walked seven old friends.", VoiceChoice(model), session_id=uuid4().hex)
        for address in speech.in_flight()
    }


async def loudness_ms(speech: FleetSpeech) -> float:
    """For how long a sentence is heard."""
    loud = 0
    async for event in speech.speak("The old lighthouse still stands by the harbour.", VoiceChoice("hibari")):
        if isinstance(event, Frame):
            loud += int(np.abs(np.frombuffer(event.pcm, np.int16).astype(np.int32)).max() > AUDIBLE)
    return loud * 20.0
