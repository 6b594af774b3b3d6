"""An empty virtual environment that tests fill from built files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Environment:
    """One virtual environment; nothing of ours reaches into it from outside."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, python: str = sys.executable) -> Environment:
        """An empty environment for that interpreter; pip works on it from outside."""
        subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
        return cls(folder)

    def pip(self, *arguments: str | Path) -> str:
        """What pip said; raises with its output if it failed."""
        python = self.folder / "bin/python"
        return _output([sys.executable, "-m", "pip", "--quiet", "--python", python, *arguments], dict(os.environ))

    def run(self, command: str, *arguments: str | Path, **variables: str) -> str:
        """What an installed command said; raises with its output if it failed."""
        return _output([self.folder / "bin" / command, *arguments], {**self._variables(), **variables})

    @contextmanager
    def running(self, command: str, *arguments: str | Path) -> Iterator[IO[str]]:
        """What an installed command writes to its standard error while it runs; it is asked to end afterwards."""
        line = [self.folder / "bin" / command, *arguments]
        with subprocess.Popen(line, env=self._variables(), stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            try:
                yield process.stderr
            finally:
                process.terminate()
                process.communicate(timeout=15)

    def _variables(self) -> dict[str, str]:
        foreign = ("PYTHON", "VIRTUAL_ENV", "COVERAGE", "ANTIPHON")
        return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def installed(folder: Path, wheels: Path, *packages: str) -> Environment:
    """An environment with those wheels of ours, and from the index what they ask for."""
    environment = Environment.make(folder / "venv")
    environment.pip("install", *(next(wheels.glob(f"{package}-*.whl")) for package in packages))
    return environment


def address_of_ready_worker(log: IO[str]) -> str:
    """Where a worker serves, from what it logs."""
    records = (json.loads(line) for line in log)
    return str(next(record["address"] for record in records if record["event"] == "ready"))


def _output(command: list[str | Path], variables: dict[str, str]) -> str:
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
