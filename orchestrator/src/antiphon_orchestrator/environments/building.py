"""Makes an engine's environment: all of it, or nothing."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from antiphon_core.store.child import child
from antiphon_core.store.disk import FULL
from antiphon_core.store.progress import Progress
from packaging.specifiers import SpecifierSet

from antiphon_orchestrator.environments.errors import NoEnvironment
from antiphon_orchestrator.environments.installer import Installer, full_disk
from antiphon_orchestrator.environments.place import Place, Record
from antiphon_orchestrator.environments.pythons import Interpreter, choose
from antiphon_orchestrator.environments.sources import Source
from antiphon_orchestrator.environments.trial import Trial

SourceFinder = Callable[[Path], Source]
"""Finds the source, given a scratch folder."""
# Of gigabytes of modules few are ever imported: those are compiled then.
_EXACTLY = ("--require-hashes", "--no-deps", "--no-compile", "--progress-bar", "raw")


def add(place: Place, find: SourceFinder, python: str, progress: Progress) -> bool:
    """Makes the environment, or brings it up to its source; False if it is so already."""
    waiting = f"another process is at work on the environment of {place.engine}; waiting for it"
    with place.locked(lambda: progress.say(waiting)):
        place.sweep()
        build = place.new_build()
        try:
            return _Work(place, build, find(build / "scratch"), progress).add(python)
        except OSError as error:
            raise full_disk(place.folder, error) if error.errno in FULL else error from None
        finally:
            place.sweep()


class _Work:
    """One `add`, in a build folder of its own."""

    def __init__(self, place: Place, build: Path, source: Source, progress: Progress) -> None:
        self._place = place
        self._build = build
        self._scratch = build / "scratch"
        self._source = source
        self._progress = progress
        self._pins = hashlib.sha256(source.pins.encode()).hexdigest() if source.pins else ""

    def add(self, python: str) -> bool:
        engine, source, record = self._place.engine, self._source, self._place.record()
        interpreter = choose(source.requires_python, engine, python)
        if record is not None and self._stands_on_the_same(record, interpreter if python else None):
            if record.ours != source.ours and source.pins:
                self._refresh(record)
                return True
            if record.ours == source.ours and not self._trial(self._place.current).faults():
                return False
        self._say(f"from {source.origin}, with Python {interpreter.version}")
        self._make(interpreter)
        return True

    def _stands_on_the_same(self, record: Record, wanted: Interpreter | None) -> bool:
        """Another Python on the machine is no reason to make an environment again; one that was asked for is."""
        fits = SpecifierSet(self._source.requires_python).contains(record.python, prereleases=True)
        return record.pins == self._pins and fits and (wanted is None or wanted.version == record.python)

    def _make(self, interpreter: Interpreter) -> None:
        _make_empty(self._build, interpreter)
        pip, pins = self._pip(self._build), self._build / "pins.txt"
        pins.write_text(self._source.pins, encoding="utf-8")
        if self._source.pins:
            self._say(f"installing {len(self._source.pins.splitlines())} pinned packages, each checked by its hash")
            pip.run("install", *_EXACTLY, "--requirement", pins)
        else:
            self._say("pip chooses the versions, as there is no list of pins")
        self._say("installing the adapter and what it stands on")
        self._source.prepare(pip, self._scratch)
        self._source.install(pip, self._scratch)
        shutil.rmtree(self._scratch)
        self._finish(self._build, interpreter.version)

    def _refresh(self, record: Record) -> None:
        """Replaces our own packages alone. What could fail is done before the environment is touched."""
        self._say(f"from {self._source.origin}: replacing our own packages; the pinned ones are still the same")
        build = self._place.current.resolve()
        pip = self._pip(build)
        self._source.prepare(pip, self._scratch)
        self._place.current.unlink()
        self._source.install(pip, self._scratch)
        self._finish(build, record.python)

    def _finish(self, build: Path, python: str) -> None:
        trial = self._trial(build)
        if faults := trial.faults():
            what = f"the environment of {self._place.engine} is not whole: {'; '.join(faults)}"
            raise NoEnvironment(what, subject=self._place.engine)
        name, version = trial.adapter()
        source, size_bytes = self._source, _size(build)
        self._place.finish(
            build, Record(self._place.engine, name, version, python, source.origin, self._pins, source.ours, size_bytes)
        )

    def _trial(self, build: Path) -> Trial:
        return Trial(build / "bin/python", self._place.engine, build / "pins.txt")

    def _pip(self, build: Path) -> Installer:
        return Installer(build / "bin/python", self._scratch, self._progress)

    def _say(self, what: str) -> None:
        self._progress.say(f"{self._place.engine}: {what}")


def _make_empty(build: Path, interpreter: Interpreter) -> None:
    with child([interpreter.path, "-I", "-m", "venv", "--without-pip", str(build)]) as process:
        said, _ = process.communicate()
    if process.returncode:
        raise NoEnvironment(f"{interpreter.path} cannot make a virtual environment: {said.strip()}")


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))
