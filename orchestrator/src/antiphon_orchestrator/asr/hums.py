"""Finds the hums of a listener, for which recognisers have no ear: they write whatever word comes close."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon_orchestrator.asr.vocabulary import Vocabulary

_HUMS = {
    "Mm-hmm.": ("▁M", "m", "-", "h", "mm", "."),
    "Mm.": ("▁M", "m", "."),
    "Uh-huh.": ("▁U", "h", "-", "hu", "h", "."),
}
_CLOSE = 5.0
"""How many times (as a natural logarithm) likelier a word may be than a hum and the sound still be taken for a hum.
Set on one synthetic voice, without recordings of people: it takes five hums in six for
what they are, and one short word in 25 for a hum ("mum", but also "mean", "Emma", "move"); "no", "stop" and "wait" lie
at 10 and above."""


class Hums:
    """The hums, as tokens of a recogniser."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._texts = list(_HUMS)
        self.tokens = [[vocabulary.number(piece) for piece in pieces] for pieces in _HUMS.values()]

    def instead_of(self, log_likelihood: float, hums: Sequence[float]) -> str | None:
        """The hum that a sound was, heard as a text of some likelihood; None if it was that text."""
        likeliest = max(hums)
        return self._texts[hums.index(likeliest)] if log_likelihood - likeliest < _CLOSE else None
