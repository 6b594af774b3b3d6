"""`antiphon env`, installed from a wheel, makes an engine's environment out of what a release holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from environment import Environment

from tools.export import export
from tools.projects import find_adapters

TONE = next(project for project in find_adapters() if project.folder.name == "tone")
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def release(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheels and lists of pins, as `tox -e dist` leaves it."""
    folder = tmp_path_factory.mktemp("release")
    for wheel in wheels.glob("*.whl"):
        shutil.copy(wheel, folder)
    (folder / "requirements").mkdir()
    export(TONE, folder / "requirements")
    return folder


def test_an_engine_gets_its_environment_from_a_release_by_hash(
    with_orchestrator: Environment, release: Path, tmp_path: Path
) -> None:
    place = {"ANTIPHON_ENVIRONMENTS": str(tmp_path)}
    said = with_orchestrator.run("antiphon", "env", "add", "tone", "--from", release, **place)
    assert "each checked by its hash" in said
    assert "tone: whole" in with_orchestrator.run("antiphon", "env", "check", **place)
    assert "by hash" in with_orchestrator.run("antiphon", "env", "list", **place)


def test_an_engine_that_nobody_knows_here_is_refused_with_what_to_do(
    with_orchestrator: Environment, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match="antiphon env add tone"):
        with_orchestrator.run("antiphon", "up", "--adapter", "tone", ANTIPHON_ENVIRONMENTS=str(tmp_path))
