"""Finds what a lock names and no Python of the project's range can install.

A release says which Pythons it is for by its metadata; its wheels may be for fewer, and Poetry locks it all the same.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from tools.projects import Project
from tools.pythons import MINORS

LINUXES = [
    *(f"manylinux_2_{minor}" for minor in range(40, 4, -1)),
    "manylinux2014",
    "manylinux2010",
    "manylinux1",
    "linux",
]
PLATFORMS = [f"{linux}_x86_64" for linux in LINUXES]
"""Where everything is tried that is released; what is not had for others is theirs to say."""


def uninstallable(project: Project) -> list[str]:
    """One line for every package that has neither a wheel nor its source for a Python that the project allows."""
    lock = tomllib.loads(project.lock_path.read_text(encoding="utf-8"))
    allowed = SpecifierSet(project.requires_python)
    return [
        f"{project.name}: {package['name']} {package['version']} has no wheel for Python 3.{minor}, and is locked"
        for minor in MINORS
        if f"3.{minor}.99" in allowed
        for package in _wanted(lock["package"], minor)
        if not _has_file(package["files"], minor)
    ]


def _wanted(packages: list[dict[str, Any]], minor: int) -> Iterator[dict[str, Any]]:
    """The packages that this Python installs from files."""
    python = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.99", "sys_platform": "linux"}
    for package in packages:
        markers = package.get("markers") or "python_version > '3'"
        said = markers.values() if isinstance(markers, dict) else [markers]
        if package["files"] and any(Marker(marker).evaluate(python) for marker in said):
            yield package


def _has_file(files: list[dict[str, str]], minor: int) -> bool:
    tags = _tags(minor)
    names = [entry["file"] for entry in files]
    return any(not name.endswith(".whl") or tags & parse_wheel_filename(name)[3] for name in names)


def _tags(minor: int) -> set[Tag]:
    version = (3, minor)
    own = cpython_tags(version, platforms=PLATFORMS)
    return {*own, *compatible_tags(version, f"cp3{minor}", PLATFORMS)}
