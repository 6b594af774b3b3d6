"""A few threads in which models run, and the short, fair queue in front of them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from antiphon_core.errors import AntiphonError, EngineFailed, Full

T = TypeVar("T")
Stopped = Callable[[], bool]
"""Tells a job that nobody wants its result any more."""

_RETRY_AFTER_MS = 500


class EnginePool:
    """Runs blocking jobs, `running` at a time. Urgent ones go first, else first come, first served.

    At most `waiting` urgent and as many other jobs wait; more are refused. A cancelled job gives its place in the
    queue back at once, and its thread as soon as it looks at `Stopped`.
    """

    def __init__(self, name: str, *, running: int, waiting: int) -> None:
        self._name = name
        self._free = running
        self._bound = waiting
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._threads = ThreadPoolExecutor(running, thread_name_prefix=name)

    async def run(self, job: Callable[[Stopped], T], *, urgent: bool = True) -> T:
        """Raises Full if too many wait, and EngineFailed for whatever the job raises that is not ours."""
        await self._take_place(self._urgent if urgent else self._others)
        stop = threading.Event()
        running = asyncio.get_running_loop().run_in_executor(self._threads, job, stop.is_set)
        # Not when the caller leaves: a cancelled job's thread is busy until the job itself ends.
        running.add_done_callback(lambda _: self._give_place())
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.set()
            raise
        except AntiphonError:
            raise
        except Exception as error:
            raise EngineFailed(f"{self._name} failed: {type(error).__name__}: {error}", subject=self._name) from error

    def close(self) -> None:
        """Lets the threads end with the jobs they have."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _take_place(self, queue: deque[asyncio.Future[None]]) -> None:
        if self._free:
            self._free -= 1
            return
        if len(queue) >= self._bound:
            raise Full(
                f"{self._name} is busy and {self._bound} jobs wait already; try again soon",
                subject=self._name,
                retry_after_ms=_RETRY_AFTER_MS,
            )
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place in queue:
                queue.remove(place)
            else:
                self._give_place()
            raise

    def _give_place(self) -> None:
        queue = self._urgent or self._others
        if queue:
            queue.popleft().set_result(None)
        else:
            self._free += 1
