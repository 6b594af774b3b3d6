"""Tries an environment: is all of it there, does it fit together, does its worker load the engine's plug-in?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from antiphon_orchestrator.environments.errors import NoEnvironment

_LIMIT_S = 300.0
_CONTENT = """
import importlib.metadata, json
points = importlib.metadata.entry_points(group="antiphon.tts_adapters")
faults = []
for dist in importlib.metadata.distributions():
    if dist.files is None:
        faults.append(f"{dist.name} was installed in part")
    elif gone := [str(file) for file in dist.files if file.suffix != ".pyc" and not file.locate().exists()]:
        faults.append(f"{dist.name} has lost {len(gone)} files, such as {gone[0]}")
print(json.dumps({"adapters": {point.name: (point.dist.name, point.dist.version) for point in points}, "lost": faults}))
"""
_LOAD = """
import sys
from antiphon_core.worker.main import main
from antiphon_core.worker.plugins import load_adapter
load_adapter(sys.argv[1])
"""


@dataclass(frozen=True, slots=True)
class Content:
    """Its engines, each with the distribution and version that bring it, and what has gone missing."""

    adapters: dict[str, tuple[str, str]]
    lost: list[str]


class Trial:
    """Asks the environment's own Python."""

    def __init__(self, python: Path, engine: str, pins: Path) -> None:
        self._python = python
        self._engine = engine
        self._pins = pins

    def faults(self) -> list[str]:
        """Everything that is wrong, each in a line; nothing for an environment that serves."""
        if not self._python.exists():
            return [f"its Python is gone: {os.path.realpath(self._python)}"]
        try:
            self.adapter()
            return list(self._found())
        except NoEnvironment as error:
            return [error.message]

    def adapter(self) -> tuple[str, str]:
        """The distribution that brings the engine, and its version."""
        adapters = self._content().adapters
        if self._engine not in adapters:
            there = ", ".join(adapters) or "none"
            raise NoEnvironment(f"nothing in it brings an engine {self._engine!r}; the engines in it: {there}")
        name, version = adapters[self._engine]
        return name, version

    def _found(self) -> Iterator[str]:
        yield from self._content().lost
        if self._pins.is_file() and self._pins.stat().st_size:
            yield from self._unpinned()
        check = self._pip("check")
        if check.returncode:
            yield from _lines(check)
        done = self._run([str(self._python), "-c", _LOAD, self._engine])
        if done.returncode:
            yield f"its worker does not load the engine: {_last_line(done.stderr)}"

    def _content(self) -> Content:
        done = self._run([str(self._python), "-c", _CONTENT])
        if done.returncode:
            raise NoEnvironment(f"its Python does not run: {_last_line(done.stderr)}")
        said = json.loads(done.stdout)
        return Content(said["adapters"], said["lost"])

    def _unpinned(self) -> list[str]:
        """What pip would still have to install for every pin to be met."""
        dry = ("--quiet", "--no-index", "--no-deps", "--dry-run", "--report", "-", "--requirement", str(self._pins))
        done = self._pip("install", *dry)
        if done.returncode:
            return _lines(done)
        wanted = [package["metadata"] for package in json.loads(done.stdout)["install"]]
        return [f"{each['name']} is not there in the pinned version {each['version']}" for each in wanted]

    def _pip(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        pip = [sys.executable, "-m", "pip", "--no-input", "--python", str(self._python)]
        return self._run([*pip, *arguments])

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                command, env=own_variables(), capture_output=True, text=True, timeout=_LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoEnvironment(f"{command[0]} cannot be run: {error}") from None


def own_variables() -> dict[str, str]:
    """Ours, without those by which one Python environment reaches into another."""
    foreign = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in foreign}


def _lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """pip's complaints."""
    lines = [line.removeprefix("ERROR: ").strip() for line in f"{done.stdout}\n{done.stderr}".splitlines()]
    return [line for line in lines if line and not line.startswith(("WARNING: ", "[notice]"))]


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it says nothing"
