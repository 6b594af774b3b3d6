"""Text on its way to the engine: cut into pieces while it arrives, and rid of what nobody can say."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

SHORTEST, LONGEST = 40, 240
"""Letters of a piece. The engine says a short one badly, and loses itself in a long one."""

_SENTENCE_END = re.compile(r"""[.!?…]+["'”’»)\]]*\s+|[。！？；]+[”’」』）]*(?=[^。！？；”’」』）])|\n+""")
_CLAUSE_END = re.compile(r"[,;:—–]\s+|[，、：]")
_SPACE = re.compile(r"\s+")
_WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_TO_SPELL_OUT = re.compile(r"[\d$€£¥%&@+=]")
_SPELLED = {"en", "zh"}
"""Languages whose numbers are spelled out: those that the engine was made for first."""
_UNSPEAKABLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Sk", "So"}
"""Unicode categories: controls, joiners, what is not assigned, and signs such as emoji."""
_VARIATION_SELECTORS = re.compile(r"[\ufe00-\ufe0f]")


def pieces(texts: Iterable[str]) -> Iterator[str]:
    """Sentences, or parts of endless ones, each as soon as it is whole; how the text was cut before does not matter."""
    held = ""
    for text in texts:
        held += text
        while end := _end(held):
            yield held[:end]
            held = held[end:]
    if held.strip():
        yield held


def speakable(text: str, language: str, commands: re.Pattern[str]) -> str:
    """What of a piece the engine shall say; empty if that is nothing.

    `commands` are the words that the engine does not say but obeys: a text is somebody's words, not ours.
    """
    while (without := commands.sub(" ", text)) != text:
        text = without  # taking one out may have made another
    text = _VARIATION_SELECTORS.sub("", _spelled_out(text, _main(language)))
    text = "".join(" " if unicodedata.category(letter) in _UNSPEAKABLE else letter for letter in text)
    text = _SPACE.sub(" ", text).strip()
    if not any(letter.isalnum() for letter in text):
        return ""
    if unicodedata.category(text[-1]).startswith("P"):
        return text
    return text + ("。" if _WIDE.match(text[-1]) else ".")


def learn_to_spell(languages: Iterable[str]) -> None:
    """Reads the grammars that these need. It takes seconds, which no utterance should wait for."""
    for language in {_main(language) for language in languages} & _SPELLED:
        _normalizer(language)


def _main(language: str) -> str:
    """Without its region: `en-GB` is en."""
    return language.split("-")[0].lower()


def _spelled_out(text: str, language: str) -> str:
    """Numbers, dates and signs in words."""
    if language not in _SPELLED or not _TO_SPELL_OUT.search(text):
        return text
    try:
        return str(_normalizer(language).normalize(text.strip()))
    except Exception:  # its grammars fail in many ways on text that they do not foresee; the engine reads that as it is
        return text


@lru_cache(maxsize=2)
def _normalizer(language: str) -> Any:
    """Read from the grammars that its package brings along; the engine's own way builds them anew at every load."""
    if language == "zh":
        from tn.chinese.normalizer import Normalizer
    else:
        from tn.english.normalizer import Normalizer
    # It writes into logs in a form of its own.
    logging.getLogger("wetext").handlers.clear()
    logging.getLogger("wetext").setLevel(logging.WARNING)
    return Normalizer()


def _end(text: str) -> int:
    """Where the first piece ends; 0 while that is open."""
    for match in _SENTENCE_END.finditer(text):
        if _length(text[: match.end()]) > LONGEST:
            break
        if match.end() < len(text) and _length(text[: match.end()].strip()) >= SHORTEST:
            return match.end()
    return _cut(text) if _length(text) > LONGEST else 0


def _cut(text: str) -> int:
    """Where an endless sentence is cut: behind a clause if one ends in its second half, else between words."""
    limit = next(at for at in range(len(text) + 1) if _length(text[:at]) > LONGEST) - 1
    for pattern in (_CLAUSE_END, _SPACE):
        ends = [match.end() for match in pattern.finditer(text, 0, limit) if match.end() > limit // 2]
        if ends:
            return ends[-1]
    return limit


def _length(text: str) -> int:
    """In Latin letters: one of Chinese, Japanese or Korean counts for three."""
    return len(text) + 2 * len(_WIDE.findall(text))
