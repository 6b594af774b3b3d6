"""A text in pieces: the first clause alone, so that speech begins early, and no piece so long that it is waited for."""

from __future__ import annotations

import re
from collections.abc import Iterator

FIRST_MIN = 8
"""Characters: a shorter first clause would be over before the next piece is made."""
FIRST_MAX = 80
PIECE_MAX = 110
"""About seven seconds of speech, made in about half a second."""

_CLAUSE_END = re.compile(r"[,;:.!?…–—、，；：。！？]+[\"'”’»)\]]*(?=\s|$)|[、，；：。！？]+")


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """Each piece with its offset in the text."""
    begin, least, most = 0, FIRST_MIN, FIRST_MAX
    while begin < len(text):
        end = begin + _end(text[begin:], least, most)
        yield begin, text[begin:end]
        begin, least, most = end, PIECE_MAX // 2, PIECE_MAX


def _end(text: str, least: int, most: int) -> int:
    """Where to cut: after the first clause that is long enough, else between words, else anywhere."""
    if len(text) <= least:
        return len(text)
    for clause in _CLAUSE_END.finditer(text, least, most):
        return clause.end()
    if len(text) <= most:
        return len(text)
    return text.rfind(" ", 1, most) + 1 or most
