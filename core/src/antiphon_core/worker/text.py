"""Text: what may be given to an engine to speak."""

from __future__ import annotations

import re

from antiphon_core.errors import BadText

_UNSPEAKABLE = re.compile("[\0\ud800-\udfff]")


def clean_text(text: str) -> str:
    """The text with \\n for every kind of line end, each character where it was: marks count in the caller's text.

    NUL and lone surrogates are refused rather than taken out, for the same reason and because they mean that the
    text was broken on its way here. All else is text, markup and emoji too.
    """
    bad = _UNSPEAKABLE.search(text)
    if bad:
        raise BadText(
            f"the text holds {_name(bad[0])} at character {bad.start()}, which is no text; take it out or replace it",
            subject="text",
        )
    return text.replace("\r\n", " \n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")


def _name(character: str) -> str:
    return "NUL" if character == "\0" else f"the lone surrogate U+{ord(character):04X}"
