"""Remembers what was written for audio, in case the same audio comes again with more behind it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples

_BEGINNING_SAMPLES = EARS_RATE_HZ * 3 // 10
_KEPT = 256


class Drafts:
    """The last transcripts, as tokens, found by how their audio began: a partial transcript drafts the next one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int | None, Sequence[int]] = OrderedDict()

    def of(self, audio: HeardSamples) -> Sequence[int]:
        """Most likely the beginning of what will be written; no more than a guess."""
        return self._kept.get(_key(audio), ())

    def keep(self, audio: HeardSamples, tokens: Sequence[int]) -> None:
        key = _key(audio)
        if key is not None:
            self._kept[key] = tokens
            self._kept.move_to_end(key)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)


def _key(audio: HeardSamples) -> int | None:
    """None for perfect silence: too many begin like that."""
    beginning = audio[:_BEGINNING_SAMPLES]
    return hash(beginning.tobytes()) if beginning.any() else None
