"""The Poetry projects of this repository, and what each says of itself."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLACES = (
    "proto",
    "proto/toolchain",
    "core",
    "orchestrator",
    "adapters/*",
    "deploy/ray",
    ".",
    "tests/e2e/clients/*",
    "tests/bench/peers/*",
)


@dataclass(frozen=True)
class Project:
    """One folder with a pyproject.toml."""

    folder: Path

    @cached_property
    def pyproject(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))

    @property
    def name(self) -> str:
        return str(self.pyproject["project"]["name"])

    @property
    def version(self) -> str:
        return str(self.pyproject["project"]["version"])

    @property
    def requires_python(self) -> str:
        return str(self.pyproject["project"]["requires-python"])

    @property
    def lock_path(self) -> Path:
        return self.folder / "poetry.lock"

    @property
    def package(self) -> str:
        """The one import package that the project ships."""
        return self.name.replace("-", "_")

    @property
    def has_tests(self) -> bool:
        return any(self.folder.glob("tests/**/test_*.py"))

    @property
    def is_heavy(self) -> bool:
        """Whether it says that its environment takes too long for every run: `[tool.antiphon] heavy = true`."""
        return bool(self.pyproject.get("tool", {}).get("antiphon", {}).get("heavy", False))

    @property
    def is_published(self) -> bool:
        """Whether a wheel is built of it."""
        return bool(self.pyproject.get("tool", {}).get("poetry", {}).get("package-mode", True))


def find_projects(root: Path = ROOT) -> list[Project]:
    """Every project, those below before those that build on them."""
    return list(_projects(root))


def find_adapters(root: Path = ROOT) -> list[Project]:
    """Every project under adapters/."""
    return [project for project in _projects(root) if project.folder.parent.name == "adapters"]


def _projects(root: Path) -> Iterator[Project]:
    for place in PLACES:
        for path in sorted(root.glob(f"{place}/pyproject.toml")):
            yield Project(path.parent)
