from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest
from antiphon_core.worker.threads import Slot, in_thread, tell

LABEL: ContextVar[str] = ContextVar("label")


@pytest.fixture
def slot() -> Slot:
    return Slot("a-slot")


async def test_a_slots_jobs_run_one_after_the_other_in_one_thread(slot: Slot) -> None:
    threads = await asyncio.gather(*(slot.run(threading.current_thread) for _ in range(5)))
    assert len(set(threads)) == 1
    assert threads[0].name == "a-slot"
    assert threads[0].daemon
    slot.close()
    threads[0].join(5)
    assert not threads[0].is_alive()


async def test_what_a_job_raises_is_raised(slot: Slot) -> None:
    def broken() -> None:
        raise KeyError("no")

    with pytest.raises(KeyError):
        await slot.run(broken)
    slot.close()


async def test_a_stray_stop_iteration_arrives_as_an_error(slot: Slot) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await slot.run(lambda: next(iter(())))
    slot.close()


async def test_a_job_sees_the_context_of_whoever_gave_it(slot: Slot) -> None:
    LABEL.set("utterance 7")
    assert await slot.run(LABEL.get) == "utterance 7"
    slot.close()


async def test_a_cancelled_wait_does_not_end_the_job_nor_spoil_the_next(slot: Slot) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        go_on.wait(5)

    def broken() -> None:
        raise ValueError

    first, second = slot.run(slow), slot.run(broken)
    await asyncio.to_thread(begun.wait, 5)
    first.cancel()
    second.cancel()
    go_on.set()
    assert await slot.run(lambda: "next") == "next"
    slot.close()


async def test_one_job_gets_a_thread_that_ends_with_it() -> None:
    thread = await in_thread("once", threading.current_thread)
    thread.join(5)
    assert not thread.is_alive()


def test_telling_a_loop_that_has_closed_does_nothing() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    tell(loop, print)
