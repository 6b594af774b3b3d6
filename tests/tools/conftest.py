"""A copy of the house to break things in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools.projects import ROOT

IGNORED = shutil.ignore_patterns(".*", "tests", "node_modules", "__pycache__", "dist")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """The projects' sources, pyprojects and locks, and .importlinter, in a folder of the test's own."""
    for place in ("proto", "core", "orchestrator", "adapters", "deploy/ray"):
        shutil.copytree(ROOT / place, tmp_path / place, ignore=IGNORED)
    for name in (".importlinter", "pyproject.toml", "poetry.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path
