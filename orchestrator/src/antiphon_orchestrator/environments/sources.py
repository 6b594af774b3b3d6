"""Where an engine's packages come from: a project's folder, a folder of wheels, or a package index.

Each source knows which Python the engine wants, the exact versions it was locked with (where somebody wrote them down),
and how its own packages are installed beside those.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from packaging.utils import canonicalize_name

from antiphon_orchestrator.environments.errors import NoEnvironment
from antiphon_orchestrator.environments.installer import Installer
from antiphon_orchestrator.environments.lock import Lock, read_lock
from antiphon_orchestrator.environments.wheels import Wheel, read_wheel, with_needs

ADAPTER_GROUP = "antiphon.tts_adapters"
"""The group of entry points by whose names engines are found."""


class Source(Protocol):
    """Gives one engine's packages."""

    origin: str
    """The source in words, for people and for the record."""
    requires_python: str
    pins: str
    """A requirements file with hashes; empty where pip chooses the versions."""
    ours: str
    """Changes whenever what is installed beside the pins does."""

    def prepare(self, pip: Installer, scratch: Path) -> None:
        """Whatever can be done before an environment is touched."""
        ...

    def install(self, pip: Installer, scratch: Path) -> None:
        """Installs what the pins do not name; they are in place already."""
        ...


class ProjectSource:
    """A Poetry project's folder. Its lock names the versions, and the folders of those below it."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.origin = str(folder)
        if not (folder / "poetry.lock").is_file():
            raise NoEnvironment(f"{folder} has no poetry.lock; make it: cd {folder} && poetry lock", subject=engine)
        lock: Lock = read_lock(folder)
        self.requires_python = str(_pyproject(folder)["project"]["requires-python"])
        self.pins = lock.pins
        self._folders = [*lock.folders, folder]
        self.ours = _checksum(path for each in self._folders for path in _sources(each))

    def prepare(self, pip: Installer, scratch: Path) -> None:
        pip.run("wheel", "--no-deps", "--wheel-dir", scratch / "wheels", *self._folders)

    def install(self, pip: Installer, scratch: Path) -> None:
        wheels = sorted((scratch / "wheels").glob("*.whl"))
        pip.run("install", "--no-index", "--no-deps", "--force-reinstall", *wheels)


class WheelsSource:
    """A folder of built wheels, with the lock's export in `requirements/` if the engine has one there."""

    def __init__(self, engine: str, folder: Path, pins: str = "") -> None:
        self.origin = str(folder)
        wheels = [read_wheel(path) for path in sorted(folder.glob("*.whl"))]
        adapter = next((wheel for wheel in reversed(wheels) if engine in wheel.entry_points(ADAPTER_GROUP)), None)
        if adapter is None:
            raise NoEnvironment(_no_wheel(engine, folder, wheels), subject=engine)
        self.requires_python = adapter.requires_python
        exported = folder / "requirements" / f"{adapter.name}.txt"
        self.pins = pins or (exported.read_text(encoding="utf-8") if exported.is_file() else "")
        pinned = {canonicalize_name(line.partition("==")[0]) for line in self.pins.splitlines() if "==" in line}
        self._wheels = [wheel.path for wheel in with_needs(adapter, wheels) if wheel.name not in pinned]
        self.ours = _checksum(self._wheels)

    def prepare(self, pip: Installer, scratch: Path) -> None:
        """They are built."""

    def install(self, pip: Installer, scratch: Path) -> None:
        alone = ["--no-index", "--no-deps", "--force-reinstall"] if self.pins else ["--progress-bar", "raw"]
        pip.run("install", *alone, *self._wheels)


class IndexSource:
    """A package index: the one that pip is configured with, or another."""

    def __init__(self, engine: str, url: str, pip: Installer, scratch: Path, pins: str = "") -> None:
        self._package = f"antiphon-adapter-{engine}"
        self._index = ["--index-url", url] if url else []
        self.origin = url or "the package index of pip"
        self.pins = pins
        folder = scratch / "adapter"
        pip.run("download", *self._index, "--no-deps", "--ignore-requires-python", "--dest", folder, self._package)
        wheel = next(iter(folder.glob("*.whl")), None)
        if wheel is None:
            raise NoEnvironment(f"{self.origin} has no wheel of {self._package}", subject=engine)
        self.requires_python = read_wheel(wheel).requires_python
        self.ours = _checksum([wheel])
        self._wheel = wheel

    def prepare(self, pip: Installer, scratch: Path) -> None:
        """Its wheel is here, and pip fetches what it asks for."""

    def install(self, pip: Installer, scratch: Path) -> None:
        pip.run("install", *self._index, "--progress-bar", "raw", self._wheel)


def checkout() -> Path | None:
    """The repository that this program runs from; None where it was installed from a wheel."""
    root = Path(__file__).resolve().parents[4]
    return root if (root / "adapters").is_dir() and (root / "core/pyproject.toml").is_file() else None


def engines_of(root: Path) -> list[str]:
    """The engines whose projects a repository holds."""
    return sorted(path.parent.name for path in root.glob("adapters/*/pyproject.toml"))


def choose(engine: str, given: str, pins: str, pip: Installer, scratch: Path) -> Source:
    """What `--from` names; without it the repository we run from, or else pip's index."""
    place = Path(given).expanduser().absolute() if given else checkout()
    if given == "index" or "://" in given or place is None:
        return IndexSource(engine, "" if given in ("", "index") else given, pip, scratch, pins)
    if not place.is_dir():
        raise NoEnvironment(
            f"--from {given}: there is no such folder; give a repository, an adapter's project, a folder of wheels, "
            "the address of a package index, or `index` for the one that pip uses",
            subject=given,
        )
    if any(place.glob("*.whl")):
        return WheelsSource(engine, place, pins)
    return ProjectSource(engine, _project(engine, place))


def _project(engine: str, place: Path) -> Path:
    """The engine's folder: that one itself, or one in its adapters/."""
    for folder in (place, place / "adapters" / engine):
        if engine in _entry_points(folder):
            return folder
    there = engines_of(place)
    raise NoEnvironment(
        f"no adapter {engine!r} in {place}; "
        + (
            f"there are: {', '.join(there)}"
            if there
            else "neither a project with that entry point nor wheels are there"
        )
        + ". From a package index: antiphon env add NAME --from index",
        subject=engine,
        allowed=there,
    )


def _entry_points(folder: Path) -> dict[str, Any]:
    if not (folder / "pyproject.toml").is_file():
        return {}
    points: dict[str, Any] = _pyproject(folder).get("project", {}).get("entry-points", {}).get(ADAPTER_GROUP, {})
    return points


def _pyproject(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def _sources(folder: Path) -> list[Path]:
    """What a wheel of that project is made of."""
    files = [path for path in sorted((folder / "src").rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return [folder / "pyproject.toml", *files]


def _checksum(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _no_wheel(engine: str, folder: Path, wheels: Iterable[Wheel]) -> str:
    there = sorted({name for wheel in wheels for name in wheel.entry_points(ADAPTER_GROUP)})
    return f"no wheel in {folder} brings the engine {engine!r}; those there bring: {', '.join(there) or 'none'}"
