"""`antiphon new-adapter` writes what is an adapter from its first minute: built, installed, served, in order."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
from environment import Environment, address_of_ready_worker, installed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def project(with_orchestrator: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strangers") / "lark"
    with_orchestrator.run("antiphon", "new-adapter", "lark", "--folder", folder)
    return folder


@pytest.fixture(scope="module")
def with_new_adapter(project: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel of the new project, and core with its test kit."""
    folder = tmp_path_factory.mktemp("lark")
    environment = installed(folder, wheels, "antiphon_proto", "antiphon_core")
    environment.pip("wheel", "--no-deps", "--wheel-dir", folder / "wheels", project)
    environment.pip("install", *(folder / "wheels").glob("antiphon_adapter_lark-*.whl"), "antiphon-core[testkit]")
    return environment


def test_the_new_adapter_is_listed(with_new_adapter: Environment) -> None:
    assert "antiphon-adapter-lark" in with_new_adapter.run("worker", "--list")


def test_nothing_that_the_new_adapter_needs_is_missing_or_in_conflict(with_new_adapter: Environment) -> None:
    with_new_adapter.pip("check")


def test_the_new_adapter_speaks(with_new_adapter: Environment, tmp_path: Path) -> None:
    recording = tmp_path / "said.wav"
    with with_new_adapter.running("worker", "--adapter", "lark", "--port", "0") as log:
        address = address_of_ready_worker(log)
        with_new_adapter.run("worker-say", "--worker", address, "--out", recording, "hello there")
    with wave.open(str(recording)) as said:
        assert said.getnframes() > said.getframerate() // 4


def test_the_new_adapter_keeps_the_contract_at_once(with_new_adapter: Environment, project: Path) -> None:
    said = with_new_adapter.run("pytest", "-p", "no:cacheprovider", project / "tests")
    assert " passed" in said
    assert "failed" not in said
