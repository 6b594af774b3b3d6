"""The exported files install by hash, and our wheels run on them."""

from __future__ import annotations

from pathlib import Path

import pytest
from antiphon_orchestrator.environments.lock import read_lock
from environment import Environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tools.export import export
from tools.projects import Project, find_projects

PUBLISHED = {project.name: project for project in find_projects() if project.is_published}
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.mark.parametrize("project", PUBLISHED.values(), ids=PUBLISHED)
def test_everything_is_pinned_by_hash_and_nothing_is_a_path(project: Project, tmp_path: Path) -> None:
    text = export(project, tmp_path).read_text(encoding="utf-8").replace("\\\n", "")
    pins = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert pins
    for pin in pins:
        assert "==" in pin
        assert "--hash=sha256:" in pin
        assert "file:" not in pin
        assert "antiphon" not in pin


def test_an_adapter_installs_by_hash(wheels: Path, tmp_path: Path) -> None:
    environment = Environment.make(tmp_path / "venv")
    environment.pip("install", "--require-hashes", "-r", export(PUBLISHED["antiphon-adapter-tone"], tmp_path))
    ours = [next(wheels.glob(f"{name}-*.whl")) for name in ("antiphon_proto", "antiphon_core", "antiphon_adapter_tone")]
    environment.pip("install", "--no-index", "--no-deps", *ours)
    environment.pip("check")


@pytest.mark.parametrize("project", PUBLISHED.values(), ids=PUBLISHED)
def test_an_engines_environment_takes_from_a_lock_what_poetry_exports(project: Project, tmp_path: Path) -> None:
    ours = read_lock(project.folder).pins
    poetrys = export(project, tmp_path).read_text(encoding="utf-8")
    assert _pins(ours, project.requires_python) == _pins(poetrys, project.requires_python)


def _pins(text: str, pythons: str) -> dict[str, tuple[list[int], set[str]]]:
    """Every pin that some Python here could want: which of them, and its hashes."""
    pins = {}
    for line in text.replace("\\\n", "").splitlines():
        if "--hash" in line:
            need, *hashes = line.split("--hash=")
            requirement = Requirement(need)
            wanted = [minor for minor in range(9, 20) if f"3.{minor}.5" in SpecifierSet(pythons)]
            wanted = [minor for minor in wanted if _wants(minor, requirement)]
            pins[f"{requirement.name}{requirement.specifier}"] = (wanted, {each.strip() for each in hashes})
    return {name: pin for name, pin in pins.items() if pin[0]}


def _wants(minor: int, requirement: Requirement) -> bool:
    python = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.5", "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(python)
