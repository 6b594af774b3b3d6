"""Makes an engine's environment: all of it, or nothing."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from antiphon_core.store.disk import FULL
from antiphon_core.store.progress import Progress

from antiphon_orchestrator.environments.errors import NoEnvironment
from antiphon_orchestrator.environments.installer import Installer, full_disk
from antiphon_orchestrator.environments.place import Place, Record
from antiphon_orchestrator.environments.pythons import Interpreter, choose
from antiphon_orchestrator.environments.sources import Source
from antiphon_orchestrator.environments.trial import Trial

# Of gigabytes of modules few are ever imported: those are compiled then.
_EXACTLY = ("--require-hashes", "--no-deps", "--no-compile")
SourceFinder = Callable[[Path], Source]
"""Finds the source, given a scratch folder."""


def add(place: Place, find: SourceFinder, python: str, progress: Progress) -> bool:
    """Makes the environment, or brings it up to its source; False if it is so already."""
    engine = place.engine
    waiting = f"another process is at work on the environment of {engine}; waiting for it"
    with place.locked(lambda: progress.say(waiting)):
        place.sweep()
        build = place.new_build()
        try:
            source = find(build / "scratch")
            interpreter = choose(source.requires_python, engine, python)
            if _is_so(place, source, interpreter if python else None):
                return False
            progress.say(f"{engine}: from {source.origin}, with Python {interpreter.version}")
            place.finish(build, _build(build, engine, source, interpreter, progress))
        except OSError as error:
            raise full_disk(place.folder, error) if error.errno in FULL else error from None
        finally:
            place.sweep()
    return True


def _is_so(place: Place, source: Source, wanted: Interpreter | None) -> bool:
    """Another Python on the machine is no reason to make an environment again; one that was asked for is."""
    record = place.record()
    if record is None or (record.pins, record.ours) != (_digest(source.pins), source.ours):
        return False
    if wanted is not None and wanted.version != record.python:
        return False
    return not Trial(place.python, place.engine, place.pins).faults()


def _build(build: Path, engine: str, source: Source, interpreter: Interpreter, progress: Progress) -> Record:
    scratch = build / "scratch"
    _make(build, interpreter)
    pins, pip = build / "pins.txt", Installer(build / "bin/python", scratch, progress)
    pins.write_text(source.pins, encoding="utf-8")
    if source.pins:
        progress.say(f"{engine}: installing {len(source.pins.splitlines())} pinned packages, each checked by its hash")
        pip.run("install", *_EXACTLY, "--progress-bar", "raw", "--requirement", pins)
    else:
        progress.say(f"{engine}: pip chooses the versions, as there is no list of pins")
    progress.say(f"{engine}: installing the adapter and what it stands on")
    source.install(pip, scratch)
    shutil.rmtree(scratch)
    trial = Trial(build / "bin/python", engine, pins)
    if faults := trial.faults():
        raise NoEnvironment(f"the environment of {engine} is not whole: {'; '.join(faults)}", subject=engine)
    distribution, version = trial.adapter()
    return Record(
        engine,
        distribution,
        version,
        interpreter.version,
        source.origin,
        _digest(source.pins),
        source.ours,
        _size(build),
    )


def _make(build: Path, interpreter: Interpreter) -> None:
    command = [interpreter.path, "-I", "-m", "venv", "--without-pip", str(build)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NoEnvironment(
            f"{interpreter.path} cannot make a virtual environment: {said[-1] if said else 'no reason'}"
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))
