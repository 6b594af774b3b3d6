"""Watch: notices when something has taken too long, without a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_SOON_S = 0.01


class Watch:
    """Reads how long something has been going on, as seldom as it can, and calls `late` once if it is `limit_s`."""

    def __init__(self, limit_s: float, read: Callable[[], float], late: Callable[[], None]) -> None:
        self._limit_s = limit_s
        self._read = read
        self._late = late
        self._timer = asyncio.get_running_loop().call_later(limit_s, self._look)

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        left_s = self._limit_s - self._read()
        if left_s <= 0:
            self._late()
        else:
            self._timer = asyncio.get_running_loop().call_later(max(left_s, _SOON_S), self._look)
