"""Sees when a recogniser has lost the thread and says the same thing again and again."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST_PERIOD = 16
_TIMES_A_WORD, _TIMES_A_PHRASE = 6, 3
"""People do say "no, no, no, no"; nobody says a phrase of four pieces three times in one breath."""
_PHRASE = 4


def without_loop(tokens: Sequence[int]) -> list[int] | None:
    """The tokens with what repeats at their end kept once; None where nothing does."""
    for period in range(1, min(_LONGEST_PERIOD, len(tokens) // _TIMES_A_PHRASE) + 1):
        times = _TIMES_A_PHRASE if period >= _PHRASE else _TIMES_A_WORD
        if _repeats(tokens, period, times):
            return list(tokens[: len(tokens) - period * (times - 1)])
    return None


def _repeats(tokens: Sequence[int], period: int, times: int) -> bool:
    tail = tokens[-period * times :]
    return len(tail) == period * times and all(
        tail[place] == tail[place - period] for place in range(period, len(tail))
    )
