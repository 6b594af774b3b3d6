"""The wheels of every project, built once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.projects import find_projects


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one wheel for each published project, built as a release would be."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in find_projects():
        if project.is_published:
            build = ["poetry", "build", "--quiet", "--format", "wheel", "--output", str(folder)]
            subprocess.run(build, cwd=project.folder, check=True)
    return folder
