"""Words on which nobody ends a turn: they want to go on."""

from __future__ import annotations

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


def dangles(text: str, language: str = "en") -> bool:
    """Whether a turn that ends so is not finished, by its last word of several. A question mark says that it is."""
    written = text.rstrip()
    if written.endswith(_ASKS):
        return False
    if written.endswith(_GOES_ON):
        return True
    tag = language.replace("_", "-").split("-")[0].lower()
    words = normal_words(text)
    if tag in _DANGLING_ENDS:
        return "".join(words).endswith(_DANGLING_ENDS[tag])
    return len(words) > 1 and words[-1] in _DANGLING.get(tag, frozenset())
