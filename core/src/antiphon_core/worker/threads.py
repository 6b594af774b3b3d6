"""Threads for blocking calls: daemons, so that a stuck engine cannot keep the process from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Slot:
    """One thread that runs one job at a time, for as long as it is wanted: engines keep state per thread."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Runs the job after those before it, in the caller's context. Cancelling the future does not end the job."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        context = copy_context()

        def work() -> None:
            try:
                result = context.run(job)
            except BaseException as error:
                tell(loop, _fail, future, error)
            else:
                tell(loop, _resolve, future, result)

        self._jobs.put(work)
        return future

    def close(self) -> None:
        """Lets the thread end once its last job is done."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


async def in_thread(name: str, job: Callable[[], T]) -> T:
    """Runs one job in a thread of its own."""
    slot = Slot(name)
    try:
        return await slot.run(job)
    finally:
        slot.close()


def tell(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *args: object) -> None:
    """Has the loop call back soon, if it is still there."""
    with suppress(RuntimeError):  # the loop has closed: the process is ending and nobody waits any more
        loop.call_soon_threadsafe(callback, *args)


def _resolve(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        # A future refuses StopIteration, which a generator gone wrong may raise.
        future.set_exception(RuntimeError(repr(error)) if isinstance(error, StopIteration) else error)
