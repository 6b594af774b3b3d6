"""The pieces of words a recogniser writes with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

_SPACE = "▁".encode()
_SPECIAL_AT_START, _WORDS_FROM = 3, 259
_LONG = 0x80


class Vocabulary:
    """Reads Moonshine's `tokenizer.bin`: every piece's bytes in the order of their numbers, each after its length.

    The numbers up to 2 and the pieces that look like `<<ST_0>>` stand for no text, the next 256 for single bytes.
    """

    def __init__(self, file: Path) -> None:
        self._pieces = list(_pieces(file.read_bytes()))

    def text(self, tokens: Iterable[int]) -> str:
        spoken = (self._pieces[token] for token in tokens if token >= _SPECIAL_AT_START)
        written = b"".join(piece for piece in spoken if not piece.startswith(b"<<ST_"))
        return written.replace(_SPACE, b" ").decode(errors="ignore").strip()

    def number(self, piece: str) -> int:
        """The token of a piece of a word; a space is written ▁."""
        return self._pieces.index(piece.encode(), _WORDS_FROM)


def _pieces(table: bytes) -> Iterator[bytes]:
    """A length of 128 or more takes two bytes, the lower seven bits first."""
    place = 0
    while place < len(table):
        length = table[place]
        place += 1
        if length >= _LONG:
            length += (table[place] - 1) * _LONG
            place += 1
        yield table[place : place + length]
        place += length
