"""A clock that only moves when it is told to."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count


class VirtualClock:
    """Call it for the time in seconds; `advance` moves it on and wakes whoever's `sleep` is over, in order."""

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._ids = count()

    def __call__(self) -> float:
        return self._now_s

    async def sleep(self, delay_s: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_s + max(delay_s, 0.0), next(self._ids), future))
        await future

    def advance(self, by_s: float) -> None:
        """Moves on at once, without letting tasks run in between."""
        self._now_s += by_s
        while self._sleepers and self._sleepers[0][0] <= self._now_s:
            self._wake_first()

    async def run_for(self, for_s: float) -> None:
        """Moves on from sleeper to sleeper, letting every task run until it sleeps again."""
        end_s = self._now_s + for_s
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= end_s:
            self._now_s = self._sleepers[0][0]
            self._wake_first()
            await _settle()
        self._now_s = end_s

    def _wake_first(self) -> None:
        _, _, future = heapq.heappop(self._sleepers)
        if not future.done():
            future.set_result(None)


async def _settle() -> None:
    """Lets every task that can run do so; a chain of more than this many hops would need real time anyway."""
    for _ in range(100):
        await asyncio.sleep(0)
