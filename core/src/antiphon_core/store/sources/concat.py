"""`concat:` sources: a file that is cut into pieces, each with a source of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from antiphon_core.store.part import Part, SourceFailed
from antiphon_core.store.sources.base import Source
from antiphon_core.store.sources.file import read_file


class ConcatSource(Source):
    """Fetches the pieces in their order and joins them. Pieces that are here are not fetched again."""

    def __init__(self, pieces: Sequence[Source]) -> None:
        super().__init__("concat:" + " + ".join(map(str, pieces)), Path())
        self.pieces = tuple(pieces)
        self.remedy = self.pieces[0].remedy

    def fetch(self, part: Part) -> None:
        part.clear()
        offset_bytes, paths = 0, []
        for number, source in enumerate(self.pieces):
            piece = part.piece(number, offset_bytes)
            try:
                source.fetch(piece)
            except SourceFailed as failure:
                raise SourceFailed(f"piece {number + 1}, {source}: {failure}") from failure
            offset_bytes += piece.have_bytes
            paths.append(piece.path)
        for path in paths:
            part.append(read_file(path), quietly=True)
