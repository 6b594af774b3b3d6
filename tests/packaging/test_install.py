"""Built wheels, installed into an empty environment, are all that a stranger needs."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
from environment import Environment, address_of_ready_worker, installed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

LIST_SERVICES = """
import sys, grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
print("\\n".join(ProtoReflectionDescriptorDatabase(grpc.insecure_channel(sys.argv[1])).get_services()))
"""


@pytest.fixture(scope="module")
def with_adapter(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Environment:
    folder = tmp_path_factory.mktemp("adapter")
    return installed(folder, wheels, "antiphon_proto", "antiphon_core", "antiphon_adapter_tone")


def test_an_installed_adapter_is_listed(with_adapter: Environment) -> None:
    assert "antiphon-adapter-tone" in with_adapter.run("worker", "--list")


def test_an_installed_adapter_speaks(with_adapter: Environment, tmp_path: Path) -> None:
    recording = tmp_path / "said.wav"
    with with_adapter.running("worker", "--adapter", "tone", "--port", "0") as log:
        address = address_of_ready_worker(log)
        with_adapter.run("worker-say", "--worker", address, "--out", recording, "hello")
    with wave.open(str(recording)) as said:
        assert said.getnframes() > 0


def test_a_stranger_can_ask_an_installed_worker_what_it_serves(with_adapter: Environment) -> None:
    with with_adapter.running("worker", "--adapter", "tone", "--port", "0") as log:
        services = with_adapter.run("python", "-c", LIST_SERVICES, address_of_ready_worker(log)).splitlines()
    assert {"antiphon.tts.v1.TextToSpeech", "grpc.health.v1.Health"} <= set(services)


def test_an_adapter_that_is_not_installed_is_refused_with_what_is(with_adapter: Environment) -> None:
    with pytest.raises(AssertionError, match=r"(?s)nothing.*tone"):
        with_adapter.run("worker", "--adapter", "nothing", "--port", "0")


def test_nothing_that_an_adapter_needs_is_missing_or_in_conflict(with_adapter: Environment) -> None:
    with_adapter.pip("check")


def test_nothing_that_the_orchestrator_needs_is_missing_or_in_conflict(with_orchestrator: Environment) -> None:
    with_orchestrator.pip("check")


def test_the_installed_orchestrator_says_what_it_can_do(with_orchestrator: Environment) -> None:
    assert "usage: antiphon" in with_orchestrator.run("antiphon", "--help")


def test_the_orchestrator_needs_no_engine_and_no_torch(with_orchestrator: Environment) -> None:
    packages = with_orchestrator.pip("list", "--format", "freeze").splitlines()
    names = {line.split("==")[0] for line in packages}
    assert {name for name in names if "adapter" in name or name == "torch"} == set()
