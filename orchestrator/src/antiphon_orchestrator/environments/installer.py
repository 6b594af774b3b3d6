"""pip at work on another environment: what it does is shown, what stops it is said in a line."""

from __future__ import annotations

import re
from pathlib import Path

from antiphon_core.store.disk import FULL
from antiphon_core.store.part import SourceFailed
from antiphon_core.store.progress import Bar, Progress
from antiphon_core.store.sources.pip import run_pip

from antiphon_orchestrator.environments.errors import NoEnvironment

_WORTH_A_BAR_BYTES = 5_000_000
_BUILDS = re.compile(r"Building wheel for (\S+) .*: started")
_INSTALLS = re.compile(r"Installing collected packages: (.*)")


class Installer:
    """Runs pip's commands for one Python, in a scratch folder on the disk that the environment is on."""

    def __init__(self, python: Path, scratch: Path, progress: Progress) -> None:
        self._python = python
        self._progress = progress
        self._tmp = scratch / "tmp"
        self._tmp.mkdir(parents=True, exist_ok=True)

    def run(self, *arguments: str | Path) -> None:
        """One command of pip."""
        shown = _Shown(self._progress)
        try:
            run_pip(["--python", str(self._python), *map(str, arguments)], self._tmp, shown.at, shown.line)
        except SourceFailed as error:
            raise NoEnvironment(str(error)) from None
        except OSError as error:
            raise full_disk(self._tmp, error) if error.errno in FULL else error from None
        finally:
            shown.close()


def full_disk(where: Path, error: OSError) -> NoEnvironment:
    return NoEnvironment(
        f"the disk of {where} is full ({error.strerror}); free some space, or set ANTIPHON_ENVIRONMENTS to a folder "
        "on a larger disk; nothing half-made is left, and what was downloaded stays in pip's cache",
        subject=str(where),
    )


class _Shown:
    """Turns pip's lines into a few of ours, and its progress into bars for what is large."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bar: Bar | None = None
        self._name = "package"

    def at(self, done_bytes: int, total_bytes: int) -> None:
        if total_bytes < _WORTH_A_BAR_BYTES:
            return
        if self._bar is None:
            self._bar = self._progress.start(f"  {self._name}", total_bytes)
        self._bar.at(done_bytes)
        if done_bytes >= total_bytes:
            self.close()

    def line(self, line: str) -> None:
        """A download is announced by the name of its file, before its progress."""
        if line.startswith("Downloading "):
            self.close()
            self._name = line.split()[1].rpartition("/")[2].split("-")[0]
        elif builds := _BUILDS.match(line):
            self._progress.say(f"  building {builds[1]}")
        elif installs := _INSTALLS.match(line):
            self._progress.say(f"  unpacking {len(installs[1].split(', '))} packages")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
