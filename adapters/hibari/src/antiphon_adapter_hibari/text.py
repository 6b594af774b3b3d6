"""What of a text the engine can say, in pieces short enough to be spoken without a long wait."""

from __future__ import annotations

import re

MAX_PIECE = 150
"""Characters or phonemes: about nine seconds of speech, made in about a tenth of a second."""

_ENDLESS_NUMBERS = re.compile(r"\d{13,}")
_FOREIGN_LETTERS = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]+")
_CUTS = re.compile(r"\S.{40,148}[,;:—](?=\s)|\S.{0,149}(?=\s|$)|\S{150}", re.DOTALL)


def sayable(text: str) -> str:
    """The text without letters of other scripts, which an English engine spells out as noise.

    Numbers too long for a name are read digit by digit.
    """
    return _ENDLESS_NUMBERS.sub(lambda digits: " ".join(digits.group()), _FOREIGN_LETTERS.sub(" ", text))


def cut(text: str) -> list[str]:
    """Pieces of at most MAX_PIECE: cut at a clause's end where one is near, else between words, else anywhere."""
    return [text] if len(text) <= MAX_PIECE else _CUTS.findall(text)
