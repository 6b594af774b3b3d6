"""Reads from a project's poetry.lock what pip needs: exact versions with their hashes, and the folders of our own.

Poetry itself is not needed for it, and so is not asked of those who only want to run an engine.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antiphon_orchestrator.environments.errors import NoEnvironment

_SINCE = (2, 1)
"""Locks of this version on say for each package which group wants it."""


@dataclass(frozen=True, slots=True)
class Lock:
    """`pins` is a requirements file with hashes; `folders` are the projects that the lock reaches by path."""

    pins: str
    folders: tuple[Path, ...]


def read_lock(project: Path) -> Lock:
    """What the main group of the lock in that folder holds, without extras."""
    path = project / "poetry.lock"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    version = str(content["metadata"].get("lock-version", "0"))
    if tuple(map(int, version.split("."))) < _SINCE:
        raise NoEnvironment(f"{path} has version {version}; lock it again with Poetry 2", subject=str(path))
    packages = [package for package in content["package"] if "main" in package["groups"]]
    local = [package for package in packages if _kind(package) == "directory"]
    foreign = [package for package in packages if _kind(package) in ("", "legacy")]
    if odd := {package["name"] for package in packages if package not in [*local, *foreign]}:
        raise NoEnvironment(
            f"{path} takes {', '.join(sorted(odd))} from elsewhere than a package index; such a package has no hash "
            "to check",
            subject=str(path),
        )
    folders = tuple((project / package["source"]["url"]).resolve() for package in local)
    return Lock("".join(_pin(package) for package in foreign), folders)


def _kind(package: Mapping[str, Any]) -> str:
    return str(package.get("source", {}).get("type", ""))


def _pin(package: Mapping[str, Any]) -> str:
    marker = package.get("markers", "")
    if isinstance(marker, dict):
        marker = marker.get("main", "")
    condition = f" ; {marker}" if marker else ""
    hashes = _hashes(package["files"])
    return f"{package['name']}=={package['version']}{condition} {hashes}\n"


def _hashes(files: Iterable[Mapping[str, str]]) -> str:
    return " ".join(f"--hash={file['hash']}" for file in sorted(files, key=lambda file: file["hash"]))
