"""`file:` sources: a path on this machine, absolute or relative to the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from antiphon_core.store.part import Part, SourceFailed, chunks_of
from antiphon_core.store.sources.base import Source


class FileSource(Source):
    """Copies, so that the store's files are its own, whatever becomes of the original."""

    remedy = "check that the paths of the file: sources can be read"

    def __init__(self, text: str, folder: Path) -> None:
        super().__init__(text, folder)
        if not self.rest:
            raise ValueError("a file: source names a path")
        self.path = folder / self.rest

    def fetch(self, part: Part) -> None:
        part.clear()
        part.append(read_file(self.path))


def read_file(path: Path) -> Iterator[bytes]:
    """A file's chunks, its own read errors told apart from the store's write errors."""
    try:
        with path.open("rb") as file:
            yield from chunks_of(file)
    except OSError as error:
        raise SourceFailed(f"{path}: {error.strerror}") from error
