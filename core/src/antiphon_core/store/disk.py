"""The store's disk: how much fits on it, and what its errors mean to the operator."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from antiphon_core.errors import CannotLoad

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


def size_text(size_bytes: int) -> str:
    """A size for people: "14 MB"."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= factor:
            amount = size_bytes / factor
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return f"{size_bytes} bytes"


def require_room(root: Path, needed_bytes: int, what: str) -> None:
    """Raises before a byte is fetched that would not fit."""
    free_bytes = shutil.disk_usage(root).free
    if free_bytes < needed_bytes:
        raise CannotLoad(
            f"{what} needs {size_text(needed_bytes)}, but the model store at {root} has {size_text(free_bytes)} left; "
            "free some space, or set ANTIPHON_MODELS to a folder on a larger disk",
            subject=str(root),
        )


@contextmanager
def disk_errors(root: Path) -> Iterator[None]:
    """Turns the operating system's refusals into errors that say what the operator can do."""
    try:
        yield
    except OSError as error:
        raise CannotLoad(_explained(root, error), subject=str(root)) from error


def _explained(root: Path, error: OSError) -> str:
    if error.errno in FULL:
        return (
            f"the model store at {root} is full ({error.strerror}); free some space, or set ANTIPHON_MODELS to a "
            "folder on a larger disk; what was fetched so far is kept"
        )
    if error.errno in _READ_ONLY:
        return (
            f"the model store at {root} cannot be written ({error.strerror}); fill it beforehand from an account that "
            "may write there, or set ANTIPHON_MODELS to a folder that this process may write"
        )
    return f"the model store at {root} failed: {error}"
