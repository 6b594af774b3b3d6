"""Engines whose packages cannot be installed together speak in one conversation, each from its own environment."""

from __future__ import annotations

import asyncio
import subprocess
from importlib.metadata import version

import pytest
from conversation import hold, recognised
from house import House, antiphon, has_torch, protobuf_version

pytestmark = [
    pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(1_800), pytest.mark.asyncio(loop_scope="session"),
]  # fmt: skip
PIPER, COSYVOICE = "en_US-joe-medium", "tiny/anna"


async def test_every_environment_is_whole(environments: tuple[str, ...]) -> None:
    said = await asyncio.to_thread(
        subprocess.run, antiphon("env", "check", *environments), capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout
    assert said.stdout.splitlines() == [f"{engine}: whole" for engine in environments]


async def test_one_server_speaks_with_both_engines(house: House) -> None:
    assert await house.engines(2) == {"piper", "cosyvoice"}


async def test_each_worker_lives_on_a_protobuf_of_its_own_and_so_does_the_server(house: House) -> None:
    workers = {engine: protobuf_version(house.worker(engine)) for engine in ("piper", "cosyvoice")}
    assert workers["cosyvoice"] == "4.24.4"
    assert workers["piper"].split(".")[0] == "7"
    assert protobuf_version(house.process) == version("protobuf")
    assert version("protobuf").split(".")[0] == "5"


async def test_one_conversation_changes_between_the_engines(house: House) -> None:
    text = "The old lighthouse still stands by the harbour."
    turns = [(PIPER, text), (COSYVOICE, "Hello world."), (PIPER, text), (COSYVOICE, "Hello world.")]
    await house.engines(2)
    answers = await hold(house.url, turns)
    assert [(answer.status, answer.errors) for answer in answers] == [("completed", [])] * 4
    assert all(answer.seconds > 0.3 and answer.loudness > 0.001 for answer in answers)
    for answer in answers[::2]:
        assert {"lighthouse", "stands", "harbour"} & set(await asyncio.to_thread(recognised, house.url, answer.pcm))


async def test_torch_is_in_one_process_only(house: House) -> None:
    """After both have spoken, so that nothing is still to be loaded."""
    await house.engines(2)
    await hold(house.url, [(PIPER, "Hello."), (COSYVOICE, "Hello.")])
    processes = {"server": house.process, "piper": house.worker("piper"), "cosyvoice": house.worker("cosyvoice")}
    assert [name for name, process in processes.items() if has_torch(process)] == ["cosyvoice"]
