"""Tells a listener's "mm-hm" from words that are meant to be answered, whatever way a recogniser spells it.

`classify(transcript, language)` reads from left to right: what remains after leading sounds and listener's phrases
decides. "Yeah, okay." is a BACKCHANNEL, "yeah, but what about Berlin" are words, "okay, stop" is a COMMAND: it stops a
speaker even alone. Recognisers invent words for coughs, breath and keys; such words count as NOTHING, always for the
notorious ones, else when there was too little sound for them. So do two or more words that we are just `saying`: a
microphone without echo cancellation hears us.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from enum import Enum
from functools import lru_cache

from antiphon_orchestrator.turn.lexicon import INVENTIONS, Lexicon, lexicon_for

PHANTOM_MS = 400
"""Speech shorter than this is too short for what `Lexicon.phantoms` lists."""
FAINT_DB = -12.0
"""Speech fainter than this, against the user's usual level, makes phantoms likely as well."""

Tokens = tuple[str, ...]

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_ASIDE = re.compile(r"\[[^\]]*\]|\([^)]*\)|（[^）]*）|\*[^*]*\*|♪[^♪]*♪?")
_APOSTROPHES = re.compile(r"['’‘`´]")
_SOUND = re.compile(
    r"h*m+h*(?:m+h*)*|u+h+(?:u+h+)*|u+h*m+|a+h+(?:a+h*)*|o+h+|e+h+m*|e+r+m*|h+u+h+|h+a+h*|(?:h+[aei]+){2,}h*|p+f+t*"
)

_CLOSING = "\"'»”’)]!*_ \n\u00a0\u202f」』）！"


class Heard(Enum):
    """What kind of thing was said."""

    NOTHING = "nothing"
    BACKCHANNEL = "backchannel"
    WORDS = "words"
    COMMAND = "command"


def normal_words(text: str) -> Tokens:
    """The words of a transcript without case, punctuation and stage directions; each CJK character is one."""
    bare = _APOSTROPHES.sub("", _ASIDE.sub(" ", unicodedata.normalize("NFKC", text)))
    return tuple(_TOKEN.findall(bare.casefold()))


def word_count(text: str) -> int:
    """About how many words were said; two CJK characters make one."""
    tokens = normal_words(text)
    characters = sum(_is_cjk(token) for token in tokens)
    return len(tokens) - characters + (characters + 1) // 2


def classify(
    text: str, language: str = "", *, speech_ms: int | None = None, level_db: float = 0.0, saying: str = ""
) -> Heard:
    """What `text` is, heard in `speech_ms` of speech (None: unknown), `level_db` over the user's usual level, while we
    said `saying` (the last few seconds of it)."""
    tokens = normal_words(text)
    phrases = _phrases(language.replace("_", "-").split("-")[0].lower())
    if not tokens or tokens in phrases.inventions or _is_echo(tokens, normal_words(saying)):
        return Heard.NOTHING
    faint = level_db <= FAINT_DB or (speech_ms is not None and speech_ms < PHANTOM_MS)
    if faint and tokens in phrases.phantoms:
        return Heard.NOTHING
    return _by_phrases(tokens, phrases)


def ends_in_question(text: str) -> bool:
    """Whether the last thing said asks for an answer; Chinese and Japanese may do so by a particle alone."""
    end = text.rstrip(_CLOSING)
    return end.endswith(("?", "？", "؟")) or end.rstrip("。").endswith(("か", "吗", "嗎", "呢"))


class _Phrases:
    """A lexicon as sets of token tuples."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.backchannels = _tuples(lexicon.backchannels)
        self.commands = _tuples(lexicon.commands)
        self.phantoms = _tuples(lexicon.phantoms)
        self.inventions = _tuples(INVENTIONS)
        self.longest = max(len(phrase) for phrase in self.backchannels | self.commands)


def _is_echo(tokens: Tokens, saying: Tokens) -> bool:
    length = len(tokens)
    return length > 1 and any(saying[at : at + length] == tokens for at in range(len(saying) - length + 1))


def _by_phrases(tokens: Tokens, phrases: _Phrases) -> Heard:
    while tokens:
        kind, length = _leading(tokens, phrases)
        if kind is not Heard.BACKCHANNEL:
            return kind
        tokens = tokens[length:]
    return Heard.BACKCHANNEL


def _leading(tokens: Tokens, phrases: _Phrases) -> tuple[Heard, int]:
    """The longest phrase that `tokens` begin with."""
    for length in range(min(phrases.longest, len(tokens)), 0, -1):
        head = tokens[:length]
        if head in phrases.commands:
            return Heard.COMMAND, length
        if head in phrases.backchannels:
            return Heard.BACKCHANNEL, length
    return (Heard.BACKCHANNEL, 1) if _SOUND.fullmatch(tokens[0]) else (Heard.WORDS, 0)


def _tuples(phrases: Collection[str]) -> frozenset[Tokens]:
    return frozenset(normal_words(phrase) for phrase in phrases)


@lru_cache(maxsize=16)
def _phrases(language: str) -> _Phrases:
    return _Phrases(lexicon_for(language))


def _is_cjk(token: str) -> bool:
    return re.fullmatch(f"[{_CJK}]", token) is not None
