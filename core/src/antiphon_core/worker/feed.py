"""Feed: an utterance's text on its way from the event loop to the engine's thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue

from antiphon_core.worker.stopwatch import Stopwatch


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an utterance, and where in its whole text the piece begins, in code points."""

    text: str
    offset: int


class Feed:
    """Pieces in order. Its bound is that of the utterance's text, which is checked before a piece comes here.

    While the engine's side waits for text, the engine's stopwatch stands still.
    """

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._pieces: SimpleQueue[Piece | None] = SimpleQueue()
        self._stopwatch = stopwatch
        self._closed = False

    def put(self, piece: Piece) -> None:
        self._pieces.put(piece)

    def close(self) -> None:
        """No text comes any more. What is still inside is given out first, unless `cut` was called."""
        self._pieces.put(None)

    def cut(self) -> None:
        """Nobody wants to hear the rest."""
        self._closed = True
        self._pieces.put(None)

    def __iter__(self) -> Iterator[Piece]:
        while not self._closed:
            self._stopwatch.stop()
            piece = self._pieces.get()
            self._stopwatch.start()
            if piece is None or self._closed:
                return
            yield piece
