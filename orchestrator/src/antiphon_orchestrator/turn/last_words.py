"""What the last words of a turn say about whether it is over."""

from __future__ import annotations

from enum import Enum

from antiphon_orchestrator.turn.backchannel import normal_words


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DANGLING = {
    "en": _words(
        """
        the a an my your our their and or but because although if unless when while whether
        of for to from with without at into onto about between than as like is
        im ill id ive youre theyre dont doesnt didnt cant um uh er lets i we
        """
    ),
    "es": _words(
        """
        el la los las un una unos unas mi tu su mis tus sus y e o u pero porque aunque si cuando mientras que
        de del a al para por con sin en entre sobre es soy quiero puedo eh este
        """
    ),
    "de": _words(
        """
        der den dem des eine einen einem einer mein meine dein deine seine ihre unser unsere und oder aber weil obwohl
        wenn dass ob während von für zum zur ohne im am zwischen als wie ist möchte würde könnte äh ähm ich wir
        """
    ),
    "fr": _words(
        """
        le la les un une des du de mon ma mes ton ta tes ses notre votre leur ce cette ces et ou mais parce
        quoique quand que qui à au aux pour par avec sans dans sur entre comme est voudrais euh je nous
        """
    ),
}
"""Words that can hardly be a sentence's last. Those that often are, if rarely, are left out: waiting costs time."""
_DANGLING_ENDS = {
    "zh": (
        "的",
        "和",
        "跟",
        "但是",
        "因为",
        "所以",
        "如果",
        "而且",
        "或者",
        "就是",
        "那个",
        "嗯",
        "呃",
        "把",
        "在",
        "是",
    ),
    "ja": ("は", "が", "を", "に", "で", "と", "の", "も", "から", "ので", "けど", "して", "えっと", "えーと", "あの"),
}
_GOES_ON = (",", "，", "、", "...", "…", "-", "–", "—", ":")
_ASKS = ("?", "？")


class LastWords(Enum):
    """How the words of a turn end: they want to go on, may be all, or ask for an answer."""

    OPEN = "open"
    CLOSED = "closed"
    ASKING = "asking"


def last_words(text: str, language: str = "en") -> LastWords:
    """How the words end, by what the recogniser wrote behind them and by the last of several words."""
    written = text.rstrip()
    if written.endswith(_ASKS):
        return LastWords.ASKING
    return LastWords.OPEN if written.endswith(_GOES_ON) or _dangles(text, language) else LastWords.CLOSED


def _dangles(text: str, language: str) -> bool:
    tag = language.replace("_", "-").split("-")[0].lower()
    words = normal_words(text)
    if tag in _DANGLING_ENDS:
        return "".join(words).endswith(_DANGLING_ENDS[tag])
    return len(words) > 1 and words[-1] in _DANGLING.get(tag, frozenset())
