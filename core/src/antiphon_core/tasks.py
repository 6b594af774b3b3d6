"""Tasks: background tasks and the parent that answers for them (Python 3.10 has no TaskGroup)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_AGAIN_S = 2.0
"""A library may swallow a cancellation: who has not ended after so long is cancelled again."""


class Tasks:
    """Owns tasks: one that fails is reported, those that still run at `close` are cancelled and awaited."""

    def __init__(self, failed: Callable[[str, BaseException], None]) -> None:
        self._failed = failed
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """All have ended when it returns, also when it is cancelled itself."""
        cancelled: asyncio.CancelledError | None = None
        while self._tasks:
            for task in tuple(self._tasks):
                task.cancel()
            try:
                await asyncio.wait(self._tasks, timeout=_AGAIN_S)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(task.get_name(), error)


async def run_for_ever(*works: Coroutine[Any, Any, None]) -> None:
    """Runs all until cancelled, or until one fails; they have ended when it returns."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    tasks = Tasks(lambda name, error: None if failed.done() else failed.set_exception(error))
    for work in works:
        tasks.start(work, "for ever")
    try:
        await failed
    finally:
        await tasks.close()
