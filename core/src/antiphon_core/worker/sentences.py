"""Sentences: text that is still arriving, in pieces for engines that must see a sentence whole."""

from __future__ import annotations

import re
import unicodedata

from antiphon_core.worker.feed import Piece

MAX_CHARS = 400
"""A piece's bound: about half a minute of speech, beyond which engines hurry, loop or forget."""

_WIDE = "。！？｡"
"""Ends of sentences that no space follows."""
_CLOSERS = "\"'”’»›)\\]}」』）】》"
_END = re.compile(rf"(?P<mark>[.!?…؟۔।॥]+)[{_CLOSERS}“]*|[{_WIDE}]+[{_CLOSERS}]*|\n[^\S\n]*\n")
_CLAUSE_END = re.compile(rf"[,;:–—][{_CLOSERS}]*\s+|[、，；：]")
_BLANKS = re.compile(r"\s+")
_SHORTENED = re.compile(
    r"(?:^|[\s(\[\"“„«/-])['‘]?"
    r"(?:[^\W\d_]|(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}"
    r"|mrs?|ms|mx|drs?|prof|st|rev|hon|gen|col|capt|lt|sgt|gov|sen|rep|pres|messrs|mt|jr|sr|vs|cf|al|approx|dept|inc|ltd|co"
    r"|corp|hr|bzw|ca|usw|str|abs|mme|mlle|sra|dra|srta|av)$",
    re.IGNORECASE,
)
"""Initials, letters with dots between (e.g, z.B, U.S), titles and the like, in front of their last dot."""
_NUMBERED = re.compile(r"(?:^|\W)(?:nos?|nr|pp|figs?|vols?|ch|art|sec|tel)$", re.IGNORECASE)
"""What a number follows."""
_ORDINAL = re.compile(r"(?:^|\s)\d{1,2}$")
"""A list item's number, or the day in `3. Mai`."""


class Sentences:
    """Cuts after each sentence as soon as the next one's first character shows that it was one. In doubt it does not
    cut: two sentences in a piece sound right, half a sentence does not.

    Pieces joined are the text as it came, blanks included, wherever it was cut on arrival. A sentence longer than
    `max_chars` is cut after a clause, or else between words, or else anywhere but within a character.
    """

    def __init__(self, max_chars: int = MAX_CHARS) -> None:
        self._max_chars = max_chars
        self._pending = ""
        self._offset = 0

    def push(self, text: str) -> list[Piece]:
        self._pending += text
        pieces = []
        while end := _sentence_end(self._pending[: self._max_chars + 1]) or self._forced_end():
            pieces.append(self._take(end))
        return pieces

    def finish(self) -> list[Piece]:
        return [self._take(len(self._pending))] if self._pending else []

    def _forced_end(self) -> int:
        return _best_cut(self._pending, self._max_chars) if len(self._pending) > self._max_chars else 0

    def _take(self, end: int) -> Piece:
        piece = Piece(self._pending[:end], self._offset)
        self._pending = self._pending[end:]
        self._offset += end
        return piece


def _sentence_end(text: str) -> int:
    """Where the second sentence begins, blanks counted to the first; 0 while that is not to be seen."""
    for ending in _END.finditer(text):
        blanks = _BLANKS.match(text, ending.end())
        begin = blanks.end() if blanks else ending.end()
        if begin == len(text):
            return 0
        if text[:begin].strip() and _is_end(text, ending, begin):
            return begin
    return 0


def _is_end(text: str, ending: re.Match[str], begin: int) -> bool:
    mark = ending["mark"]
    if mark is None:
        return True
    if begin == ending.end() or text[begin].islower():
        return False
    return mark != "." or not _goes_on(text[: ending.start()], text[begin])


def _goes_on(before: str, following: str) -> bool:
    """Whether a single dot belongs to the word before it and not to the sentence."""
    if _NUMBERED.search(before):
        return following.isdigit()
    return bool(_SHORTENED.search(before) or _ORDINAL.search(before))


def _best_cut(text: str, limit: int) -> int:
    for pattern, least in ((_CLAUSE_END, limit // 2), (_BLANKS, 1)):
        ends = [match.end() for match in pattern.finditer(text, 0, limit)]
        if ends and ends[-1] >= least:
            return ends[-1]
    return next((end for end in range(limit, 0, -1) if not _is_joined(text[end - 1], text[end])), limit)


def _is_joined(first: str, second: str) -> bool:
    """Whether two code points make one character: accents, variation selectors, joined emoji."""
    return unicodedata.category(second) in ("Mn", "Mc", "Me") or "\u200d" in (first, second) or second in "🏻🏼🏽🏾🏿"
