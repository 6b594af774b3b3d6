"""Which phonemes belong to which word: marks for a text from what was counted for its phonemes."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

from antiphon_core.audio import TextMark

_WORD = re.compile(r"\S+")
Sounds = Sequence[tuple[str, int]]
"""Phonemes, each with the sample at which it begins."""


def word_marks(text: str, sounds: Sounds, read: Callable[[str], Sequence[str]]) -> tuple[TextMark, ...]:
    """A mark for every word of the text that can be heard. `read` gives the phonemes of a word by itself."""
    words = [match for match in _WORD.finditer(text) if any(sign.isalnum() for sign in match.group())]
    groups = _groups(sounds)
    if len(groups) == len(words) and not any(sign.isdigit() for sign in text):
        starts: Sequence[int | None] = groups
    else:
        starts = _aligned([read(word.group()) for word in words], sounds)
    return tuple(
        TextMark(word.start(), len(word.group()), start)
        for word, start in zip(words, starts, strict=True)
        if start is not None
    )


def _groups(sounds: Sounds) -> list[int]:
    """Where each run of phonemes between two blanks begins. Signs that are not spoken are no run."""
    starts, inside = [], False
    for phoneme, sample in sounds:
        if phoneme.isspace():
            inside = False
        elif not inside and _is_heard(phoneme):
            starts.append(sample)
            inside = True
    return starts


def _aligned(alone: Sequence[Sequence[str]], sounds: Sounds) -> list[int | None]:
    """The same for words that run together or fall apart in speech ("of the", "1,234"): what each sounds like alone
    is looked for in what was said. A word that is not to be found begins where the one before it may have ended."""
    heard = [(phoneme, sample) for phoneme, sample in sounds if _is_heard(phoneme)]
    letters = [(sign, word) for word, sound in enumerate(alone) for sign in sound if _is_heard(sign)]
    matcher = SequenceMatcher(None, [sign for sign, _ in letters], [phoneme for phoneme, _ in heard], autojunk=False)
    at: dict[int, int] = {}
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            at.setdefault(letters[block.a + step][1], block.b + step)
    return _filled(len(alone), at, [sample for _, sample in heard])


def _filled(count: int, at: dict[int, int], samples: Sequence[int]) -> list[int | None]:
    known = sorted(at)
    starts: list[int | None] = []
    for word in range(count):
        if word in at:
            starts.append(samples[at[word]])
        elif not samples:
            starts.append(None)
        else:
            after = bisect_left(known, word)
            begin = samples[at[known[after - 1]]] if after else samples[0]
            end = samples[at[known[after]]] if after < len(known) else samples[-1]
            starts.append((begin + end) // 2)
    return starts


def _is_heard(phoneme: str) -> bool:
    """Letters, and what stands for a letter; stress, length and punctuation are none."""
    return unicodedata.category(phoneme[0]) in ("Ll", "Lu", "Lo") or phoneme.isdigit()
