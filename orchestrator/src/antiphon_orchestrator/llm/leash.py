"""Ends the answer of a small model when enough is said, or when it goes round in circles. Pure."""

from __future__ import annotations

import math
import re

_ENOUGH_CHARACTERS = 160
"""About ten seconds of speech: at the next end of a sentence the answer ends."""

_CIRCLE_CHARACTERS = 24
_TIMES_ROUND = 3
_WIDEST_CIRCLE = 80
"""Nobody says the same 24 characters in a row three times over, or "no, " six times."""

_SENTENCE_END = re.compile(r"\w{2,}[^\w\s]*[.!?][\"')]*\s*$")
_SENTENCES = re.compile(r"[^.!?]+[.!?]+")


class Leash:
    """For one answer. A sentence's number ("2.") or an initial ends no sentence."""

    def __init__(self, enough_characters: int = _ENOUGH_CHARACTERS) -> None:
        self._enough_characters = enough_characters
        self._said = ""

    def is_enough(self, piece: str) -> bool:
        """Takes the next piece of the answer; true if it shall be the last."""
        self._said += piece
        if _goes_round(self._said):
            return True
        if not _SENTENCE_END.search(self._said[-_WIDEST_CIRCLE:]):
            return False
        return len(self._said) >= self._enough_characters or _repeats_a_sentence(self._said)


def _goes_round(text: str) -> bool:
    for width in range(1, min(_WIDEST_CIRCLE, len(text) // _TIMES_ROUND) + 1):
        times = max(_TIMES_ROUND, math.ceil(_CIRCLE_CHARACTERS / width))
        if text.endswith(text[-width:] * times):
            return True
    return False


def _repeats_a_sentence(text: str) -> bool:
    *earlier, last = (" ".join(sentence.split()).lower() for sentence in _SENTENCES.findall(text) or [""])
    return last in earlier
