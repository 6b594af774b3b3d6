"""The wheels of every project, built once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from environment import Environment, installed

from tools.dist import build
from tools.projects import find_projects


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one wheel for each published project: the release that was built, or wheels made as for one."""
    if built := os.environ.get("ANTIPHON_DIST"):
        return Path(built)
    folder = tmp_path_factory.mktemp("wheels")
    for project in find_projects():
        if project.is_published:
            build(project, folder, wheel_only=True)
    return folder


@pytest.fixture(scope="session")
def with_orchestrator(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Environment:
    """The orchestrator as a stranger has it, with no engine beside it."""
    folder = tmp_path_factory.mktemp("orchestrator")
    return installed(folder, wheels, "antiphon_proto", "antiphon_core", "antiphon_orchestrator")
