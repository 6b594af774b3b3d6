"""Background tasks end with their parent, whatever libraries make of a cancellation."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from antiphon_core.tasks import Tasks


async def swallows_one_cancellation() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


async def test_nobody_is_left_when_closing_is_cancelled_itself() -> None:
    tasks = Tasks(lambda name, error: None)
    task = tasks.start(swallows_one_cancellation(), "stubborn")
    await asyncio.sleep(0)
    closing = asyncio.create_task(tasks.close())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert task.cancelled()
    assert len(tasks) == 0
