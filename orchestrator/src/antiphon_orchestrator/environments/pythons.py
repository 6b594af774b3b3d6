"""Finds a Python on this machine that an engine allows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet

from antiphon_orchestrator.environments.errors import NoEnvironment

_MINORS = range(20, 8, -1)
_PROBE = "import platform, sys; print(sys.executable, platform.python_version(), sep='\\n')"
_PROBE_S = 20.0


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that really runs."""

    path: str
    version: str


def choose(requires: str, engine: str, wanted: str = "") -> Interpreter:
    """The one wanted, else the one that runs this program if the engine allows it, else the newest that it allows."""
    allowed = SpecifierSet(requires)
    found: list[Interpreter] = []
    for name in [wanted] if wanted else _names():
        interpreter = probe(name)
        if interpreter is None:
            continue
        if allowed.contains(interpreter.version, prereleases=True):
            return interpreter
        found.append(interpreter)
    raise NoEnvironment(_missing(requires, engine, wanted, found), subject=wanted or "python", allowed=[requires])


def probe(name: str | Path) -> Interpreter | None:
    """What that command says of itself; None if it is no Python that runs."""
    try:
        done = subprocess.run([name, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    path, _, version = done.stdout.strip().partition("\n")
    return None if done.returncode or not version else Interpreter(path, version)


def _names() -> Iterator[str]:
    yield sys.executable
    for minor in _MINORS:
        name = f"python3.{minor}"
        yield from filter(None, [shutil.which(name)])
        yield from (str(path) for path in _managed(name))


def _managed(name: str) -> Iterator[Path]:
    """Those that pyenv and uv keep, whose commands need not be on the path."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python")
    for folder in (pyenv, uv):
        yield from sorted(folder.glob(f"*/bin/{name}"), reverse=True)


def _missing(requires: str, engine: str, wanted: str, found: Iterable[Interpreter]) -> str:
    there = ", ".join(dict.fromkeys(interpreter.version for interpreter in found))
    if wanted:
        what = f"{wanted} is {there}" if there else f"{wanted} is no Python that runs here"
        return f"{engine} needs Python {requires}; {what}"
    allowed = SpecifierSet(requires)
    fitting = next((f"3.{minor}" for minor in _MINORS if allowed.contains(f"3.{minor}.99")), requires)
    return (
        f"{engine} needs Python {requires}, and there is none here (found: {there}); install one, for example with "
        f"`pyenv install {fitting}` or `uv python install {fitting}`, or name one with --python"
    )
