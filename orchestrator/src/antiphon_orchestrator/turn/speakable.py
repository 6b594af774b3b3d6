"""What of a reply's text is to be read aloud: markdown, emoji and addresses are written for the eye.

`speakable(segment)` gives the text for the engine and, for each of its characters, where in the reply it came from: so
what was heard stays exact. The text is empty where there is nothing to be said. Numbers and symbols are left as they
are; an engine's own rules read them. A phrase that goes on in the next segment ends in a comma: so engines keep the
voice up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from antiphon_orchestrator.turn.boundaries import EMOJI
from antiphon_orchestrator.turn.segmenter import Segment
from antiphon_orchestrator.utterance_line import Script


@dataclass(frozen=True, slots=True)
class _Rule:
    """Replaces what `pattern` finds by its first group that matched, or by `text` where it has none."""

    pattern: re.Pattern[str]
    text: str = ""


def _rule(pattern: str, text: str = "") -> _Rule:
    return _Rule(re.compile(pattern, re.MULTILINE), text)


_RULES = (
    _rule(r"^\s*(?:```|~~~).*$"),
    _rule(r"^[ \t]*(?:[-*_][ \t]*){3,}$"),
    _rule(r"^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+[ \t]*(?:-{2,})?[ \t]*$"),
    _rule(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?)+"),
    _rule(r"!?\[([^\[\]\n]+)\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\)"),
    _rule(r"\[\^?\d+\]|【[^】]*】"),
    _rule(r"<(https?://[^\s<>]+)>"),
    _rule(r"</?[A-Za-z][^<>\n]*>", " "),
    _rule(r"(?:https?://(?:www\.)?|\bwww\.)([\w.-]*\w)(?::\d+)?(?:[/?#](?:[^\s<>]*[^\s<>.,!?;:'\")\]»”])?)?"),
    _rule(r"\\([\\`*_{}\[\]()#+\-.!|>~])"),
    _rule(r"`+"),
    _rule(r"(?<!\d)\*{2,}|\*{2,}(?!\d)|(?<![0-9A-Za-z*])\*(?=\S)|(?<=[^\s*])\*(?![0-9A-Za-z*])|~~"),
    _rule(r"(?<!\w)_+(?=\w)|(?<=[^\W_])_+(?!\w)|(?<=[.,!?])_+(?!\w)"),
    _rule(r"^[ \t]*\|[ \t]*|[ \t]*\|[ \t]*$"),
    _rule(r"[ \t]*\|[ \t]*", ", "),
    _rule(rf"[#*\d]\ufe0f?\u20e3|[{EMOJI}\u2b00-\u2bff\u200d\ufe0e\ufe0f\U000e0020-\U000e007f]+"),
    _rule(r"\s+", " "),
    _rule(r"^\s+|\s+$"),
    _rule(r"\s+(?=[.,!?;:](?:\s|$))"),
)


def speakable(segment: Segment) -> Script:
    """What is to be said of a segment; nothing of a code block."""
    end = segment.offset + len(segment.text)
    text, origins = segment.text, list(range(segment.offset, end))
    for rule in _RULES:
        text, origins = _applied(rule, text, origins)
    if segment.code or not any(map(str.isalnum, text)):
        return Script("", segment.offset, (end,))
    if segment.goes_on:
        text, origins = text + ",", [*origins, end]
    return Script(text, segment.offset, (*origins, end))


def _applied(rule: _Rule, text: str, origins: list[int]) -> tuple[str, list[int]]:
    """Replaces; what is inserted came from where the replaced text began."""
    pieces: list[str] = []
    kept: list[int] = []
    done = 0
    for found in rule.pattern.finditer(text):
        pieces.append(text[done : found.start()])
        kept += origins[done : found.start()]
        if found.lastindex:
            pieces.append(found[found.lastindex])
            kept += origins[found.start(found.lastindex) : found.end(found.lastindex)]
        else:
            pieces.append(rule.text)
            kept += [origins[found.start()]] * len(rule.text)
        done = found.end()
    return "".join(pieces) + text[done:], kept + origins[done:]
