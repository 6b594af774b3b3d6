"""Cuts a reply, while it is being written, into pieces that can be spoken one after the other.

`push(text)` and `finish()` return the segments that are complete; put together they are the whole text, and how it was
split among the pushes does not change them. The first segment may be a clause, or a phrase of a few words where another
begins, so that speech starts early; then come whole sentences, lines and list items, each at most `max_length` long. A
mark ends nothing until the character after it has come ("3." may become "3.14"). `flush()` is for a stream that stalls
while nothing is left to be spoken: it gives out what can be said without the rest, never half a word or number.

Lengths are in code points; wide characters (Chinese, Japanese, Korean) count three times, as they take longer to say.
Fenced code comes as segments of its own. `speakable` says what of a segment is to be read aloud.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from antiphon_orchestrator.turn import boundaries
from antiphon_orchestrator.turn.boundaries import LOOK_AHEAD, MARK, MORE, NO, Cut, forced_cut, is_wide

_FENCE = re.compile(r"\s*(`{3,8}|~{3,8})(?=[^`~])")
_MAYBE_FENCE = re.compile(r"\s*(?:`{0,8}|~{0,8})")
_TICKS_OR_LINE = re.compile(r"`+|\n")
_LAST_WORD = re.compile(r"[^\s\u2e80-\uffdc]+$")
_SENTENCE_SO_FAR = re.compile(r"(?:^|\s)[\"'«“‘(\[¿¡]*(?:[^\W\d_]{2,}\.|[^\s/@]*[!?…。！？｡])[\"'»”’)\]」』）]*\s*$")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a reply. `offset`: where it begins in the whole reply, in code points. `code`: out of a code block.
    `goes_on`: it ends between two words of a clause.
    """

    text: str
    offset: int
    code: bool = False
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class SegmenterSettings:
    """`first_words`: so many words make a first clause worth speaking; `phrase_words`: so many, a first phrase, for who
    waits for the first sound more than for the melody of the sentence; 0: none is."""

    first_words: int = 3
    phrase_words: int = 0
    first_max_length: int = 100
    max_length: int = 240


class Segmenter:
    """One reply's text on its way to be spoken."""

    def __init__(self, language: str = "", settings: SegmenterSettings | None = None) -> None:
        self._settings = settings or SegmenterSettings()
        self._language = language.replace("_", "-").split("-")[0].lower()
        self._text = ""
        self._offset = 0
        self._looked = 0
        self._measured = self._length = 0
        self._fence = ""
        self._fence_ends = False
        self._span = self._span_at_start = ""

    def push(self, text: str) -> list[Segment]:
        """Takes the next piece of the reply."""
        self._text += text
        segments: list[Segment] = []
        while self._text:
            cut = self._next_cut()
            phrase = self._phrase_cut(cut)
            if cut <= 0 and not phrase:
                break
            segments.append(self._cut(phrase or cut, goes_on=bool(phrase)))
        return segments

    def flush(self) -> list[Segment]:
        """Gives out what can be said now; the rest of a last word may still come."""
        if self._fence or self._span:
            return []
        if _SENTENCE_SO_FAR.search(self._text):
            return [self._cut(len(self._text))]
        words_end = len(_LAST_WORD.sub("", self._text))
        said = _word_count(self._text[:words_end])
        return [self._cut(words_end)] if said >= self._settings.first_words else []

    def finish(self) -> list[Segment]:
        """Gives out all that is left: after it comes nothing but empty lines, as it were."""
        left, segments = len(self._text), list[Segment]()
        self._text += "\n" * 2 * LOOK_AHEAD
        while left:
            cut = self._next_cut()
            segments.append(self._cut(min(cut, left) if cut > 0 else left))
            left -= len(segments[-1].text)
        self._text = ""
        return segments

    def _next_cut(self) -> Cut:
        if not self._fence and not self._looked and not self._begins_prose():
            return MORE
        limit = self._limit()
        cut = self._code_cut(limit) if self._fence else self._prose_cut(limit)
        if cut != NO or limit >= len(self._text):
            return cut
        return forced_cut(self._text, limit, by_line=bool(self._fence))

    def _phrase_cut(self, cut: Cut) -> Cut:
        """The end of a first phrase, where it comes before that cut, or before what cannot be decided yet."""
        if self._offset or self._fence or not self._settings.phrase_words:
            return NO
        end = {MORE: self._looked, NO: len(self._text)}.get(cut, cut)
        found = boundaries.phrase_cut(self._text, self._settings.phrase_words)
        return found if found < end else NO

    def _begins_prose(self) -> bool:
        """Looks whether a code block opens here; False where that cannot be told yet."""
        fence = _FENCE.match(self._text)
        if fence is not None:
            self._fence, self._looked = fence[1], fence.end()
            return True
        return len(self._text) > LOOK_AHEAD or _MAYBE_FENCE.fullmatch(self._text) is None

    def _limit(self) -> int:
        """Where the segment would be too long; beyond the text as long as it is not. Cut it with one more at hand."""
        allowed = self._settings.max_length if self._offset else self._settings.first_max_length
        while self._measured < len(self._text) and self._length < allowed:
            self._length += 3 if is_wide(self._text[self._measured]) else 1
            self._measured += 1
        return self._measured if self._length >= allowed else len(self._text) + 1

    def _code_cut(self, limit: int) -> Cut:
        closing = re.compile(rf"^[ \t]{{0,8}}{self._fence}[ \t]{{0,7}}\n", re.MULTILINE)
        found = closing.search(self._text, self._looked)
        if found is not None and found.start() < limit:
            self._fence_ends = True
            return found.end()
        self._looked = max(self._looked, self._text.rfind("\n") + 1)
        return MORE if len(self._text) < limit + LOOK_AHEAD else NO

    def _prose_cut(self, limit: int) -> Cut:
        while (mark := MARK.search(self._text, self._looked, limit)) is not None:
            at = mark.start()
            cut = self._ticks(at) if self._span or mark[0] == "`" else self._cut_at(at)
            if cut == MORE:
                self._looked = at
                return MORE
            if cut > at and any(map(str.isalnum, self._text[:cut])) and not self._span:
                return cut
            self._looked = max(self._looked, at + 1)
        self._looked = min(limit, len(self._text))
        return NO

    def _ticks(self, at: int) -> Cut:
        """Follows code within a line: there is no end of anything in it, except of the line."""
        ticks = _TICKS_OR_LINE.match(self._text, at)
        if ticks is None:
            return NO
        if ticks.end() == len(self._text) and ticks[0] != "\n":
            return MORE
        self._span = _span_after(ticks[0], self._span)
        self._looked = ticks.end()
        return self._cut_at(at) if ticks[0] == "\n" else NO

    def _cut_at(self, at: int) -> Cut:
        character = self._text[at]
        if character == "\n":
            return boundaries.line_cut(self._text, at)
        if character in boundaries.ENDERS or character in boundaries.WIDE_ENDERS:
            return boundaries.sentence_cut(self._text, at, self._language)
        if character in boundaries.CLAUSE_ENDERS or character in boundaries.WIDE_CLAUSE_ENDERS:
            early = not self._offset and _word_count(self._text[:at]) >= self._settings.first_words
            return boundaries.clause_cut(self._text, at) if early else NO
        return boundaries.emoji_cut(self._text, at)

    def _cut(self, end: int, *, goes_on: bool = False) -> Segment:
        segment = Segment(self._text[:end], self._offset, bool(self._fence), goes_on)
        if self._fence_ends:
            self._fence, self._fence_ends = "", False
        for ticks in _TICKS_OR_LINE.findall(segment.text) if not segment.code else ():
            self._span_at_start = _span_after(ticks, self._span_at_start)
        self._span = self._span_at_start
        self._text = self._text[end:]
        self._offset += end
        self._looked = self._measured = self._length = 0
        return segment


def _span_after(ticks: str, span: str) -> str:
    """Which backticks will close the code span one is in, after some more of them or a line's end."""
    if ticks == "\n":
        return ""
    return ticks if not span else ("" if ticks == span else span)


def _word_count(text: str) -> int:
    wide = sum(map(is_wide, text))
    return len(text.split()) + wide // 2
