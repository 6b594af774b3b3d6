"""Teaches tox two things about this repository: where packages come from, and one environment per adapter."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

from packaging.specifiers import SpecifierSet
from tox.config.loader.memory import MemoryLoader
from tox.config.sets import ConfigSet
from tox.plugin import impl
from tox.session.state import State

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))
from tools.index import poetry_environment  # noqa: E402
from tools.projects import Project, find_adapters  # noqa: E402
from tools.pythons import names_allowed  # noqa: E402


@impl
def tox_extend_envs() -> Iterable[str]:
    """One environment for every folder in adapters/."""
    return tuple(_adapters())


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """Give Poetry what pip knows, and every adapter's environment its folder and a Python that fits."""
    os.environ.update(poetry_environment())
    # Words after `--` choose some tests; those need not cover everything.
    chosen = bool(state.conf.pos_args(None))
    os.environ["TOX_COVERAGE_FLOOR"] = "0" if chosen else "90"
    os.environ["TOX_DECISIONS_FLOOR"] = "0" if chosen else "100"
    for env_name, project in _adapters().items():
        state.conf.memory_seed_loaders[env_name].append(
            MemoryLoader(
                description=f"unit tests of {project.name}, from its own lock",
                change_dir=project.folder,
                base_python=fitting_pythons(project),
            )
        )


def fitting_pythons(project: Project) -> list[str]:
    """The Python that runs tox if the project allows it, else all that it allows; tox takes the first that is here."""
    if platform.python_version() in SpecifierSet(project.requires_python):
        return [sys.executable]
    return names_allowed(project.requires_python)


def _adapters() -> dict[str, Project]:
    return {f"adapter-{project.folder.name}": project for project in find_adapters(ROOT)}


# tox.ini puts these into its default list: every adapter that has tests and is not too heavy for every run.
os.environ["TOX_LIGHT_ADAPTERS"] = ", ".join(
    env_name for env_name, project in _adapters().items() if project.has_tests and not project.is_heavy
)
