"""What is kept in the memory of one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

MAX_CHARS = 64 * 1024 * 1024
_CLEAR_S = 1.0


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
        self._chars = 0
        self._cleared_s = clock_s()

    def __len__(self) -> int:
        return len(self._kept)

    async def put(self, key: str, holder: str, text: str, ttl_s: float) -> bool:
        self._clear()
        kept = self._find(key)
        if kept is not None and kept.holder != holder:
            return False
        self._drop(key)
        self._kept[key] = _Kept(holder, text, self._clock_s() + ttl_s)
        self._chars += len(text)
        if self._chars > self._max_chars:
            self._make_room()
        return True

    async def take(self, key: str, holder: str) -> str | None:
        kept = self._find(key)
        if kept is None:
            return None
        kept.holder = holder
        return kept.text

    async def forget(self, key: str) -> None:
        self._drop(key)

    async def aclose(self) -> None:
        self._kept.clear()

    def _find(self, key: str) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is not None and kept.until_s <= self._clock_s():
            self._drop(key)
            return None
        return kept

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        self._chars -= len(kept.text) if kept is not None else 0

    def _clear(self) -> None:
        now_s = self._clock_s()
        if now_s - self._cleared_s < _CLEAR_S:
            return
        self._cleared_s = now_s
        for key in [key for key, kept in self._kept.items() if kept.until_s <= now_s]:
            self._drop(key)

    def _make_room(self) -> None:
        for key in sorted(self._kept, key=lambda key: self._kept[key].until_s):
            self._drop(key)
            if self._chars <= self._max_chars:
                return
