"""A lock that is older than a project below it is found, and one that a Python cannot install from."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tools.installable import uninstallable
from tools.locks import stale_records
from tools.projects import Project, find_projects


@pytest.mark.parametrize("project", find_projects(), ids=lambda project: project.name)
def test_the_lock_records_the_projects_below_as_they_are(project: Project) -> None:
    assert stale_records(project) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param('"pluggy>=1.5"', '"pluggy>=1.6"', "does not want pluggy (>=1.6), it does now", id="raised"),
        pytest.param('"pluggy>=1.5"', '"pluggy>=1.5", "left-pad>=1"', "does not want left-pad (>=1)", id="added"),
        pytest.param('    "pluggy>=1.5",\n', "", "wants pluggy (>=1.5), it no longer does", id="removed"),
        pytest.param('version = "0.1.0"', 'version = "0.1.1"', "has version 0.1.0, it is 0.1.1 now", id="version"),
        pytest.param(">=3.10,<3.14", ">=3.11,<3.14", "wants Python >=3.10,<3.14, it is >=3.11", id="python"),
        pytest.param('testkit = ["pytest>=8"]', 'testkit = ["pytest>=9"]', "has extras", id="extra"),
    ],
)
def test_a_change_in_core_makes_the_locks_above_stale(house: Path, old: str, new: str, said: str) -> None:
    pyproject = house / "core/pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    assert old in text
    pyproject.write_text(text.replace(old, new, 1), encoding="utf-8")
    for place in ("orchestrator", "adapters/tone", "."):
        found = stale_records(Project(house / place))
        assert any(said in line and "antiphon-core" in line for line in found), tomllib.loads(text)["project"]


def test_a_need_of_pythons_that_the_lock_is_not_for_is_no_change(house: Path) -> None:
    pyproject = house / "core/pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    for_one_python = """"pluggy>=1.5", "left-pad>=1; python_version < '3.11'\""""
    pyproject.write_text(text.replace('"pluggy>=1.5"', for_one_python), encoding="utf-8")
    assert stale_records(Project(house / "orchestrator")) == []
    assert any("left-pad" in line for line in stale_records(Project(house / "adapters/tone")))


def test_a_change_in_proto_reaches_through_core(house: Path) -> None:
    pyproject = house / "proto/pyproject.toml"
    pyproject.write_text(
        pyproject.read_text(encoding="utf-8").replace("grpcio>=1.57", "grpcio>=1.60"), encoding="utf-8"
    )
    assert stale_records(Project(house / "adapters/tone"))


@pytest.mark.parametrize("project", find_projects(), ids=lambda project: project.name)
def test_every_python_that_is_allowed_can_install_from_the_lock(project: Project) -> None:
    assert uninstallable(project) == []


def test_a_package_without_a_wheel_for_an_allowed_python_is_found(house: Path) -> None:
    lock = house / "adapters/piper/poetry.lock"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text.replace("-cp310-cp310-", "-cp39-cp39-"), encoding="utf-8")
    (first, *_) = uninstallable(Project(house / "adapters/piper"))
    assert "has no wheel for Python 3.10" in first
