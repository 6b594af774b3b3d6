"""A new folder in adapters/ is an environment of tox, on a Python that it allows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.projects import ROOT

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
PYPROJECT = """
[project]
name = "antiphon-adapter-new"
requires-python = "{pythons}"
[tool.antiphon]
heavy = {heavy}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ("tox.ini", "toxfile.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    return tmp_path


def add_adapter(repository: Path, pythons: str = ">=3.10", heavy: str = "false", tests: bool = True) -> None:
    folder = repository / "adapters/new"
    (folder / "tests").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(pythons=pythons, heavy=heavy), encoding="utf-8")
    if tests:
        (folder / "tests/test_new.py").touch()


def tox(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["tox", *arguments], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def default_environments(repository: Path) -> list[str]:
    return tox(repository, "list", "-d", "--no-desc", "-q").split()


def test_an_adapter_with_tests_is_run_by_default_in_its_own_folder(repository: Path) -> None:
    add_adapter(repository)
    assert "adapter-new" in default_environments(repository)
    assert f"change_dir = {repository}/adapters/new" in tox(
        repository, "config", "-e", "adapter-new", "-k", "change_dir"
    )


@pytest.mark.parametrize("odd", [{"heavy": "true"}, {"tests": False}])
def test_an_adapter_that_is_heavy_or_has_no_tests_is_only_run_when_asked_for(
    repository: Path, odd: dict[str, Any]
) -> None:
    add_adapter(repository, **odd)
    assert "adapter-new" not in default_environments(repository)
    assert "adapter-new" in tox(repository, "list", "--no-desc", "-q").split()


def test_the_python_that_runs_tox_is_taken_where_the_adapter_allows_it(repository: Path) -> None:
    add_adapter(repository, pythons=f">={RUNNING}")
    said = tox(repository, "config", "-e", "adapter-new", "-k", "py_dot_ver")
    assert f"py_dot_ver = {RUNNING}" in said


def test_an_adapter_that_no_python_here_can_run_fails_and_says_which_it_wants(repository: Path) -> None:
    add_adapter(repository, pythons=">=3.19,<3.20")
    done = subprocess.run(["tox", "-e", "adapter-new"], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "python3.19" in done.stdout + done.stderr
