"""One fetch of an entry at a time, among all threads and processes of this machine."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds an exclusive lock on a file; says `waiting` once if somebody else has it.

    Every holder opens the file for itself, so threads of one process exclude each other too, and the operating system
    frees the lock of a process that was killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing is not enough: a child forked meanwhile shares the open file, and with it the lock.
            fcntl.flock(file, fcntl.LOCK_UN)
