"""A file while it is being fetched."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from antiphon_core.store.disk import size_text

CHUNK_BYTES = 1 << 16


class SourceFailed(Exception):
    """A source could not give the file; says why. The next source is asked."""


@dataclass(frozen=True)
class Part:
    """A file on its way in: one source appends to it, perhaps in several tries and several processes.

    `folder` is this file's and this source's own and outlives a failed try; `scratch` is shared by the entry's files,
    for what several of them come out of. `sha256` is empty where only the whole that this is a piece of has a known
    one. No source may send more than `limit_bytes`.
    """

    folder: Path
    scratch: Path
    limit_bytes: int
    sha256: str
    report: Callable[[int], None]
    say: Callable[[str], None]
    name: str = "whole"

    @property
    def path(self) -> Path:
        return self.folder / self.name

    @property
    def have_bytes(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def begun(self) -> bool:
        """Whether an earlier try left something."""
        return self.folder.exists()

    def restart(self) -> None:
        """Forgets what earlier tries left, pieces included."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def clear(self) -> None:
        """Empties the file itself."""
        self.path.unlink(missing_ok=True)

    def append(self, chunks: Iterable[bytes], *, quietly: bool = False) -> None:
        """Writes; `quietly` where the bytes were reported while they were on their way."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            for chunk in chunks:
                if file.tell() + len(chunk) > self.limit_bytes:
                    raise SourceFailed(f"it sends more than the {size_text(self.limit_bytes)} there should be")
                file.write(chunk)
                if not quietly:
                    self.report(file.tell())

    def piece(self, number: int, offset_bytes: int) -> Part:
        """The part that becomes this one from `offset_bytes` on."""
        return replace(
            self,
            name=f"piece-{number}",
            limit_bytes=self.limit_bytes - offset_bytes,
            sha256="",
            report=lambda done_bytes: self.report(offset_bytes + done_bytes),
        )


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """What is left in a stream, in handy chunks."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk
