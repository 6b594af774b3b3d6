"""Feed: an utterance's text on its way from the event loop to the engine's thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an utterance, and where in its whole text the piece begins, in code points."""

    text: str
    offset: int


class Feed:
    """Pieces in order; iterating waits for more. Its bound is the utterance's text, checked before it comes here."""

    def __init__(self) -> None:
        self._pieces: SimpleQueue[Piece | None] = SimpleQueue()
        self._cut = False

    def put(self, piece: Piece) -> None:
        self._pieces.put(piece)

    def close(self) -> None:
        """No text comes any more; what is still inside is given out."""
        self._pieces.put(None)

    def cut(self) -> None:
        """Nobody wants to hear the rest."""
        self._cut = True
        self._pieces.put(None)

    def __iter__(self) -> Iterator[Piece]:
        while (piece := self._pieces.get()) is not None and not self._cut:
            yield piece
