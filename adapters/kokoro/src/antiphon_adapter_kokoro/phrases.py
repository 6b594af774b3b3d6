"""Phonemes in phrases: short ones first, so that speech begins early, then as long as what is playing hides."""

from __future__ import annotations

import re
from collections.abc import Iterator

FIRST = 32
"""Phonemes: about two seconds of speech."""
GROWTH = 1.25
"""Speech is made twice as fast as it is said at best, and every phrase costs half a second beside its phonemes."""
LONGEST = 100

_FLAGS = re.compile(r"\([a-z]{2,3}(?:-[a-z0-9]+)*\)")
"""espeak's marks of a change of language, such as (en): they would be read out."""
_SENTENCE_ENDS, _CLAUSE_ENDS = ".!?…", ",;:—"


def phrases(phonemes: str) -> Iterator[str]:
    """All of it, in order, each phrase cut after a sentence or a clause if one ends there, else between words."""
    rest, limit = " ".join(_FLAGS.sub("", phonemes).split()), float(FIRST)
    while rest:
        end = _end(rest, int(limit))
        phrase, rest = rest[:end].strip(), rest[end:].lstrip()
        if any(sign.isalpha() for sign in phrase):
            yield phrase
        limit = min(limit * GROWTH, LONGEST)


def _end(text: str, limit: int) -> int:
    if len(text) <= limit * GROWTH:
        return len(text)
    for marks in (_SENTENCE_ENDS, _CLAUSE_ENDS):
        end = max(text.rfind(f"{mark} ", limit // 3, limit) for mark in marks)
        if end > 0:
            return end + 1
    blank = text.rfind(" ", 1, limit)
    return blank if blank > 0 else limit


def pause_ms(phrase: str) -> int:
    """How long a speaker rests after it."""
    last = phrase.rstrip("\"'”’»)]")[-1:]
    if last in _SENTENCE_ENDS:
        return 250
    return 120 if last in _CLAUSE_ENDS else 20
