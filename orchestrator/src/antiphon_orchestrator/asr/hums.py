"""Finds the hums of a listener, for which recognisers have no ear: they write whatever word comes close."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon_orchestrator.asr.vocabulary import Vocabulary

_HUMS = {
    "Mm-hmm.": ("▁M", "m", "-", "h", "mm", "."),
    "Mm.": ("▁M", "m", "."),
    "Uh-huh.": ("▁U", "h", "-", "hu", "h", "."),
}
_CLOSE, _CLOSE_IF_EXPECTED = 5.0, 9.0
"""How many times (as a natural logarithm) likelier a word may be than a hum and the sound still be taken for a hum;
more where hums are expected, which is over an answer. Set on one synthetic voice at five pitches, without recordings of
people: there, 19 hums in 20 lie below 9 (at the higher pitches above 5), "stop", "no", "wait" and "hello" at 11 and
above, and so does every other short word but a few that sound like hums: "mum" at 5, "Emma" at 7, "move" at 9."""


class Hums:
    """The hums, as tokens of a recogniser."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._texts = list(_HUMS)
        self.tokens = [[vocabulary.number(piece) for piece in pieces] for pieces in _HUMS.values()]

    def instead_of(self, log_likelihood: float, hums: Sequence[float], *, expected: bool = False) -> str | None:
        """The hum that a sound was, heard as a text of some likelihood; None if it was that text."""
        likeliest = max(hums)
        close = _CLOSE_IF_EXPECTED if expected else _CLOSE
        return self._texts[hums.index(likeliest)] if log_likelihood - likeliest < close else None
