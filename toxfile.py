"""Teaches tox two things about this repository: where packages come from, and one environment per adapter."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from tox.config.loader.memory import MemoryLoader
from tox.config.sets import ConfigSet
from tox.plugin import impl
from tox.session.state import State

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))
from tools.index import poetry_environment  # noqa: E402
from tools.projects import Project, find_adapters  # noqa: E402

if TYPE_CHECKING:
    from findpython import PythonVersion

MINORS = range(9, 30)


@impl
def tox_extend_envs() -> Iterable[str]:
    """One environment for every folder in adapters/."""
    return tuple(_adapters())


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """Give Poetry what pip knows, and every adapter's environment its folder and a Python that fits."""
    os.environ.update(poetry_environment())
    for env_name, project in _adapters().items():
        state.conf.memory_seed_loaders[env_name].append(
            MemoryLoader(
                description=f"unit tests of {project.name}, from its own lock",
                change_dir=project.folder,
                base_python=fitting_pythons(project),
            )
        )


def fitting_pythons(project: Project) -> list[str]:
    """The Python that runs tox if the project allows it, else the newest here that it allows.

    Where there is none, the names of those allowed: tox then fails this one environment and says them.
    """
    allowed = SpecifierSet(project.requires_python)
    if platform.python_version() in allowed:
        return [sys.executable]
    found = {python.version: str(python.executable) for python in _installed_pythons()}
    fits = [version for version in found if str(version) in allowed]
    return [found[max(fits)]] if fits else [f"python3.{minor}" for minor in MINORS if f"3.{minor}.99" in allowed]


def _installed_pythons() -> list[PythonVersion]:
    try:
        from findpython import find_all
    except ImportError:  # it comes with Poetry: the tox that is about to provision itself does without
        return []
    return find_all()


def _adapters() -> dict[str, Project]:
    return {f"adapter-{project.folder.name}": project for project in find_adapters(ROOT)}


# tox.ini puts these into its default list: every adapter that has tests and is not too heavy for every run.
os.environ["TOX_LIGHT_ADAPTERS"] = ", ".join(
    env_name for env_name, project in _adapters().items() if project.has_tests and not project.is_heavy
)
