from __future__ import annotations

import asyncio
import random
import threading
import time

import pytest
from antiphon_core.audio import Frame, TextMark
from antiphon_core.errors import BadRequest
from antiphon_core.wire.utterances import FRAMES_AT_ONCE
from antiphon_core.worker.outbox import Outbox
from antiphon_core.worker.threads import in_thread


def frames(count: int, start: int = 0) -> list[Frame]:
    return [Frame(seq, b"", 0) for seq in range(start, start + count)]


async def test_events_come_out_in_order_and_then_the_end() -> None:
    outbox = Outbox(limit=10)
    outbox.put(frames(3))
    outbox.finish()
    assert await outbox.take() == frames(3)
    assert await outbox.take() is None
    assert await outbox.take() is None


async def test_frames_in_a_row_are_taken_together_a_few_at_most() -> None:
    outbox, mark, most = Outbox(limit=20), TextMark(0, 1, 0), FRAMES_AT_ONCE
    outbox.put([*frames(most + 2), mark, mark, *frames(1, most + 2)])
    outbox.finish()
    taken = []
    while (event := await outbox.take()) is not None:
        taken.append(event)
    assert taken == [frames(most), frames(2, most), mark, mark, frames(1, most + 2)]


async def test_what_was_put_is_given_before_the_failure_that_followed() -> None:
    outbox = Outbox(limit=10)
    outbox.put(frames(1))
    outbox.finish(ValueError("broken"))
    assert await outbox.take() == frames(1)
    with pytest.raises(ValueError, match="broken"):
        await outbox.take()


async def test_closing_drops_what_is_inside_and_says_why() -> None:
    outbox = Outbox(limit=10)
    outbox.put(frames(5))
    outbox.close(BadRequest("twice"))
    outbox.close(BadRequest("later"))
    outbox.finish(ValueError("too late"))
    with pytest.raises(BadRequest, match="twice"):
        await outbox.take()
    assert outbox.closed


async def test_closing_without_a_reason_is_an_end() -> None:
    outbox = Outbox(limit=10)
    outbox.put(frames(5))
    outbox.close()
    outbox.put(frames(5))
    assert await outbox.take() is None


async def test_closing_wakes_whoever_waits_on_either_side() -> None:
    outbox = Outbox(limit=1)
    taking = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    outbox.close()
    assert await asyncio.wait_for(taking, 5) is None

    outbox = Outbox(limit=1)
    outbox.put(frames(1))
    waiting = asyncio.create_task(in_thread("engine", outbox.wait_for_room))
    await asyncio.sleep(0.01)
    outbox.close()
    assert await asyncio.wait_for(waiting, 5) is False


async def test_the_engine_waits_at_the_limit_until_something_is_taken() -> None:
    outbox = Outbox(limit=2)
    outbox.put(frames(2))
    waiting = asyncio.create_task(in_thread("engine", outbox.wait_for_room))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    await outbox.take()
    assert await asyncio.wait_for(waiting, 5) is True


async def test_nothing_is_lost_or_wakes_too_late_under_a_race() -> None:
    outbox, count = Outbox(limit=3), 4_000
    most = 0

    def engine() -> None:
        chance, seq = random.Random(7), 0
        while seq < count and outbox.wait_for_room():
            size = min(chance.randint(0, 3), count - seq)
            outbox.put(frames(size, seq))
            seq += size
            if chance.random() < 0.01:
                time.sleep(0.0005)
        outbox.finish()

    running = asyncio.create_task(in_thread("engine", engine))
    seen = []
    while (event := await outbox.take()) is not None:
        assert isinstance(event, list)
        seen += [frame.seq for frame in event]
        most = max(most, len(outbox._events))
        if event[0].seq % 97 == 0:
            await asyncio.sleep(0)
    await running
    assert seen == list(range(count))
    assert most <= 3 + 3


def test_an_engine_that_outlives_the_loop_ends_quietly() -> None:
    async def begin() -> Outbox:
        return Outbox(limit=1)

    outbox = asyncio.run(begin())

    def engine() -> None:
        outbox.put(frames(1))
        outbox.finish()

    thread = threading.Thread(target=engine)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
