"""What is kept in the memory of one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

MAX_CHARS = 64 * 1024 * 1024


@dataclass(slots=True)
class _Kept:
    holder: str
    text: str
    until_s: float


class InMemory:
    """A `Keep`. Overflow: what would expire soonest is forgotten sooner."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic, max_chars: int = MAX_CHARS) -> None:
        self._clock_s = clock_s
        self._max_chars = max_chars
        self._kept: dict[str, _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def put(self, key: str, holder: str, text: str, ttl_s: float) -> bool:
        self._clear()
        if key in self._kept and self._kept[key].holder != holder:
            return False
        self._kept[key] = _Kept(holder, text, self._clock_s() + ttl_s)
        self._make_room()
        return True

    async def take(self, key: str, holder: str) -> str | None:
        self._clear()
        kept = self._kept.get(key)
        if kept is None:
            return None
        kept.holder = holder
        return kept.text

    async def forget(self, key: str) -> None:
        self._kept.pop(key, None)

    async def aclose(self) -> None:
        self._kept.clear()

    def _clear(self) -> None:
        now_s = self._clock_s()
        for key in [key for key, kept in self._kept.items() if kept.until_s <= now_s]:
            del self._kept[key]

    def _make_room(self) -> None:
        chars = sum(len(kept.text) for kept in self._kept.values())
        for key in sorted(self._kept, key=lambda key: self._kept[key].until_s):
            if chars <= self._max_chars:
                return
            chars -= len(self._kept.pop(key).text)
