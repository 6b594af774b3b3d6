"""Where running text may be cut so that each piece can be spoken on its own.

Each function looks at one mark, at `text[at]`, and answers a Cut: the position behind it where the piece ends, NO, or
MORE while what follows is not there yet. They look LOOK_AHEAD characters ahead at most and then take the mark for an
end, so that how the text arrives, in whatever pieces, changes nothing.
"""

from __future__ import annotations

import re

from antiphon_orchestrator.turn.abbreviations import (
    BEFORE_NUMBER,
    MAYBE_LAST,
    MONTHS,
    NEVER_LAST,
    ORDINAL_LANGUAGES,
)

Cut = int
NO: Cut = 0
MORE: Cut = -1

LOOK_AHEAD = 24

ENDERS = ".!?…؟।"
WIDE_ENDERS = "。！？｡"
CLOSERS = "\"'»«”“’‘›‹)]}*_`"
WIDE_CLOSERS = "」』）”’》〉】"
CLAUSE_ENDERS = ",;:—–-،"
WIDE_CLAUSE_ENDERS = "，、；："
EMOJI = "\u2600-\u27bf\U0001f000-\U0001faff"

MARK = re.compile(f"[{re.escape(ENDERS + WIDE_ENDERS + CLAUSE_ENDERS + WIDE_CLAUSE_ENDERS)}\n`{EMOJI}]")
"""Every character at which something is to be decided."""

_LIST_MARKER = re.compile(r"(?:^|\n)[ \t]*(?:\d{1,3}|[A-Za-z])$")
_LAST_TOKEN = re.compile(r"(?!['’])[^\s(\[{\"«“‘¿¡*_`]*$")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]+")
_WORD = re.compile(r"[^\W\d_]+")


def sentence_cut(text: str, at: int, language: str) -> Cut:
    """For one of ENDERS and WIDE_ENDERS; of several in a row the first speaks for all."""
    if text[at - 1 : at] and text[at - 1] in ENDERS + WIDE_ENDERS:
        return NO
    text = text[: at + 1 + LOOK_AHEAD]
    full = len(text) == at + 1 + LOOK_AHEAD
    if text[at] in WIDE_ENDERS:
        return _settle(_wide_cut(text, at), full, at)
    return _settle(_narrow_cut(text, at, language), full, at)


def clause_cut(text: str, at: int) -> Cut:
    """For one of CLAUSE_ENDERS and WIDE_CLAUSE_ENDERS."""
    if text[at] in WIDE_CLAUSE_ENDERS:
        return at + 1
    if at + 1 == len(text):
        return MORE
    if text[at] in "–-" and not text[at - 1 : at].isspace():
        return NO
    return at + 2 if text[at + 1].isspace() else (at + 1 if text[at] == "—" else NO)


def line_cut(text: str, at: int) -> Cut:
    """For a line's end: a piece ends there unless the text was wrapped, that is, goes on in lower case."""
    ahead = text[at + 1 : at + 1 + LOOK_AHEAD]
    if ahead[:1] == "\n":
        return at + 2
    follows = ahead.lstrip()
    if not follows:
        return MORE if len(ahead) < LOOK_AHEAD else at + 1
    return NO if follows[0].islower() else at + 1


def emoji_cut(text: str, at: int) -> Cut:
    """For an emoji: people end sentences with them."""
    if at + 1 == len(text):
        return MORE
    if not text[at + 1].isspace():
        return NO
    if at + 2 == len(text):
        return MORE
    return at + 2 if text[at + 2].isupper() else NO


def _settle(cut: Cut, full: bool, at: int) -> Cut:
    return at + 1 if cut == MORE and full else cut


def _wide_cut(text: str, at: int) -> Cut:
    end = _skip(text, _skip(text, at, WIDE_ENDERS + "!?…"), WIDE_CLOSERS)
    if end == len(text):
        return MORE
    quoted = text[end - 1] in WIDE_CLOSERS
    return NO if quoted and text[end] in "とっ" else end


def _narrow_cut(text: str, at: int, language: str) -> Cut:
    end = _skip(text, at, ENDERS)
    closed = _skip(text, end, CLOSERS)
    if closed == len(text):
        return MORE
    marks = text[at:end]
    after = text[closed]
    if not after.isspace():
        return closed if after > "\u2e80" and marks != "." else NO
    if after == "\n":
        return closed + 1
    if marks[-1] in "!?؟।" and closed == end and "«" not in text[:at]:
        return closed + 1
    follows = _after_blanks(text, closed)
    if follows == len(text):
        return MORE
    return _by_what_follows(text, at, marks, closed > end, follows, language)


def _by_what_follows(text: str, at: int, marks: str, is_closed: bool, follows: int, language: str) -> Cut:
    if text[follows] == "»":
        return _after_guillemet(text, follows)
    if marks == ".":
        return _full_stop_cut(text, at, follows, language)
    goes_on = text[follows].islower() and (is_closed or marks[-1] in ".…")
    return NO if goes_on else follows


def _after_guillemet(text: str, at: int) -> Cut:
    follows = _after_blanks(text, at + 1)
    if follows == len(text):
        return MORE
    return NO if text[follows].islower() or text[follows] in ",;" else follows


def _full_stop_cut(text: str, at: int, follows: int, language: str) -> Cut:
    before = text[:at]
    written = _LAST_TOKEN.findall(before)[0]
    word = written.lower()
    if _LIST_MARKER.search(before):
        return NO
    if word[-1:].isdigit():
        return _number_cut(word, text, follows, language)
    return NO if _is_abbreviation(word, written, text[follows], language) else follows


def _is_abbreviation(word: str, written: str, follows: str, language: str) -> bool:
    if word in NEVER_LAST:
        return True
    if len(word) == 1 and word.isalpha() and not is_wide(word):
        return not (written == "I" and language in ("", "en"))
    if word in BEFORE_NUMBER:
        return follows.isdigit()
    return (word in MAYBE_LAST or _DOTTED.fullmatch(word) is not None) and (follows.islower() or follows.isdigit())


def _number_cut(number: str, text: str, follows: int, language: str) -> Cut:
    """A short number with a full stop may be an ordinal, or part of a date written with spaces."""
    if len(number) > 2 or not number.isdigit():
        return follows
    if language in ORDINAL_LANGUAGES or text[follows].isdigit():
        return NO
    word = _WORD.match(text, follows)
    if word is None:
        return follows
    begun = word[0].lower()
    if word.end() == len(text) and any(month.startswith(begun) for month in MONTHS):
        return MORE
    return NO if begun in MONTHS or text[follows].islower() else follows


def _after_blanks(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace() and text[start] != "\n":
        start += 1
    return start


def _skip(text: str, start: int, characters: str) -> int:
    while start < len(text) and text[start] in characters:
        start += 1
    return start


_CONNECTIVES = (
    "and|but|or|because|which|who|that|when|while|if|so|und|aber|oder|weil|dass|wenn|y|o|pero|porque|que|et|ou|mais|"
    "parce|qui"
)
_PREPOSITIONS = "with|without|by|as|where|after|before|since|until|through|between"
_VERBS = "is|are|was|were"
_LONG_SUBJECT_WORDS = 6
_BREAKS = (
    re.compile(r"[,;:—–،]\s|[，、；：—]"),
    re.compile(rf"\s(?=(?:{_CONNECTIVES})\s)"),
    re.compile(r"\s"),
)
_PHRASE_BREAK = re.compile(rf"(?<=[^\W_])\s(?=(?:{_CONNECTIVES}|{_PREPOSITIONS}|(?P<verb>{_VERBS}))\s)")
_PLAIN = re.compile(r"[\w\s.,'’%-]*")


def phrase_cut(text: str, least_words: int) -> Cut:
    """Where speakers breathe behind so many plain words: before a connective or preposition, after a long subject."""
    for found in _PHRASE_BREAK.finditer(text):
        least = max(least_words, _LONG_SUBJECT_WORDS) if found["verb"] else least_words
        if len(text[: found.start()].split()) >= least:
            return found.end() if _PLAIN.fullmatch(text, 0, found.end()) else NO
    return NO


def forced_cut(text: str, limit: int, *, by_line: bool = False) -> Cut:
    """Where to cut what is too long without any end: at a clause, before a connective, between words."""
    if by_line:
        return text.rfind("\n", 0, limit) + 1 or limit
    for breaks in _BREAKS:
        ends = [found.end() for found in breaks.finditer(text, 0, limit) if found.end() > limit // 3]
        if ends:
            return ends[-1]
    if any(map(is_wide, text[:limit])):
        return _between_words(text, limit)
    space = re.compile(r"\s").search(text, limit, 4 * limit)
    if space is not None:
        return space.end()
    return limit if len(text) >= 4 * limit else MORE


def is_wide(character: str) -> bool:
    """Whether it is a character of a script that is written without spaces, or takes long to say."""
    return "\u2e80" <= character <= "\uffdc"


def _between_words(text: str, limit: int) -> Cut:
    cut = limit
    while cut > limit // 3 and cut < len(text) and _joined(text[cut - 1]) and _joined(text[cut]):
        cut -= 1
    return cut


def _joined(character: str) -> bool:
    return not is_wide(character) and not character.isspace()
