"""Stamps: what changes when a file does."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int, int]
_ABSENT: Stamp = (0, 0, 0)


def stamp_of(path: Path) -> Stamp:
    """Another one when the file changes, also where it is a link that is turned to another file."""
    try:
        stat = path.stat()
    except OSError:
        return _ABSENT
    return stat.st_mtime_ns, stat.st_ino, stat.st_size
