from __future__ import annotations

import asyncio

from antiphon_core.worker.watch import Watch


class Loop:
    """Records what is to be called when, in place of the real loop's clock."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, object]] = []


async def test_it_calls_once_when_the_time_is_over() -> None:
    late = asyncio.Event()
    reads = iter([0.0, 0.005, 0.02])
    calls = []

    def call() -> None:
        calls.append(1)
        late.set()

    Watch(0.02, lambda: next(reads), call)
    await asyncio.wait_for(late.wait(), 5)
    await asyncio.sleep(0.03)
    assert calls == [1]
    assert not list(reads)


async def test_stopped_it_never_calls() -> None:
    calls = []
    watch = Watch(0.01, lambda: 1.0, lambda: calls.append(1))
    watch.stop()
    await asyncio.sleep(0.03)
    assert calls == []
