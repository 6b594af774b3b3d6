"""Where a Python of a given version may be found on this machine."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.specifiers import SpecifierSet

MINORS = range(9, 20)


def names_of(version: str) -> list[str]:
    """What to call Python 3.x by: the command, then pyenv's own places, whose command may be switched off."""
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    return [f"python{version}", *(str(path) for path in sorted(root.glob(f"versions/{version}.*/bin/python")))]


def names_allowed(requires_python: str) -> list[str]:
    """The same for every minor version in the range, the newest first."""
    allowed = SpecifierSet(requires_python)
    versions = [f"3.{minor}" for minor in reversed(MINORS) if f"3.{minor}.99" in allowed]
    return [name for version in versions for name in names_of(version)]


def find(version: str) -> str | None:
    """The first of its names that really runs."""
    return next((name for name in names_of(version) if _runs(name)), None)


def find_allowed(requires_python: str) -> str | None:
    """The newest in the range that really runs."""
    return next(filter(_runs, names_allowed(requires_python)), None)


@contextmanager
def python_for(requires_python: str) -> Iterator[dict[str, str]]:
    """Variables under which Poetry works with a Python of that range: it refuses to lock for one outside of it."""
    if platform.python_version() in SpecifierSet(requires_python):
        yield dict(os.environ)
        return
    python = find_allowed(requires_python)
    if python is None:
        raise LookupError(f"there is no Python {requires_python} on this machine; install one, with pyenv for example")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
        yield {**os.environ, "VIRTUAL_ENV": folder}


def _runs(name: str) -> bool:
    try:
        return subprocess.run([name, "-c", ""], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
