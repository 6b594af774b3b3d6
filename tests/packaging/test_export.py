"""The exported files install by hash, and our wheels run on them."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment import Environment

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
