from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from antiphon_core.errors import Draining, Full
from antiphon_core.testkit.clock import VirtualClock
from antiphon_core.worker.admission import Admission, Place, Places


def admission(max_in_flight: int = 0, max_queue: int = 2, clock: Callable[[], float] | None = None) -> Admission:
    return Admission(lambda: Places(max_in_flight, max_queue), clock or VirtualClock())


async def waiting(admission: Admission, model: str = "m", concurrency: int = 1) -> asyncio.Task[Place]:
    """Somebody who has come as far as the queue."""
    task = asyncio.create_task(admission.enter(model, concurrency))
    await asyncio.sleep(0)
    return task


async def test_as_many_speak_as_the_model_can() -> None:
    places = admission()
    first, second = await places.enter("m", 2), await places.enter("m", 2)
    third = await waiting(places, concurrency=2)
    assert (places.in_flight, places.queued) == (2, 1)
    second.release()
    (await third).release()
    first.release()
    assert (places.in_flight, places.queued) == (0, 0)


async def test_who_came_first_is_let_in_first() -> None:
    places = admission(max_queue=8)
    place = await places.enter("m", 1)
    order: list[int] = []

    async def speak(number: int) -> None:
        place = await places.enter("m", 1)
        order.append(number)
        place.release()

    tasks = [asyncio.create_task(speak(number)) for number in range(5)]
    await asyncio.sleep(0)
    place.release()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]


async def test_nobody_waits_for_another_models_place() -> None:
    places = admission()
    await places.enter("slow", 1)
    await waiting(places, "slow")
    await asyncio.wait_for(places.enter("quick", 1), 10)
    assert (places.in_flight, places.queued) == (2, 1)


async def test_the_workers_own_limit_holds_over_all_models() -> None:
    places = admission(max_in_flight=1)
    place = await places.enter("a", 4)
    other = await waiting(places, "b", 4)
    assert places.queued == 1
    place.release()
    (await other).release()


async def test_beyond_the_queue_a_worker_says_that_it_is_full_and_when_to_come_again() -> None:
    clock = VirtualClock()
    places = admission(max_queue=1, clock=clock)
    place = await places.enter("m", 1)
    clock.advance(4.0)
    place.release()
    await places.enter("m", 1)
    await waiting(places)
    with pytest.raises(Full, match="1 utterances are running and 1 waiting") as full:
        await places.enter("m", 1)
    assert full.value.retry_after_ms == 8_000  # two places ahead, each held for 4 s as the last one was


async def test_without_a_queue_the_second_one_is_turned_away_at_once() -> None:
    places = admission(max_queue=0)
    await places.enter("m", 1)
    with pytest.raises(Full) as full:
        await places.enter("m", 1)
    assert full.value.retry_after_ms == 1_000


async def test_who_gives_up_waiting_leaves_the_queue() -> None:
    places = admission()
    place = await places.enter("m", 1)
    impatient, patient = await waiting(places), await waiting(places)
    impatient.cancel()
    await asyncio.sleep(0)
    assert places.queued == 1
    place.release()
    (await patient).release()
    assert places.in_flight == 0


async def test_who_gives_up_in_the_moment_of_being_let_in_passes_the_place_on() -> None:
    places = admission()
    place = await places.enter("m", 1)
    impatient, patient = await waiting(places), await waiting(places)
    place.release()
    impatient.cancel()
    (await asyncio.wait_for(patient, 10)).release()
    assert (places.in_flight, places.queued) == (0, 0)


async def test_a_place_is_given_back_once_however_often_it_is_released() -> None:
    places = admission()
    place = await places.enter("m", 1)
    place.release()
    place.release()
    await places.enter("m", 1)
    assert places.in_flight == 1


async def test_a_raised_limit_lets_in_who_waits() -> None:
    limit = [1]
    places = Admission(lambda: Places(limit[0], 4), VirtualClock())
    await places.enter("m", 4)
    second = await waiting(places, "m", 4)
    limit[0] = 2
    places.serve()
    await asyncio.wait_for(second, 10)


async def test_a_closed_worker_sends_away_who_waits_and_who_comes() -> None:
    places = admission()
    place = await places.enter("m", 1)
    queued = await waiting(places)
    places.close("SIGTERM")
    with pytest.raises(Draining, match="SIGTERM"):
        await queued
    with pytest.raises(Draining):
        await places.enter("m", 1)
    place.release()
    assert (places.in_flight, places.queued) == (0, 0)


async def test_who_gives_up_while_being_sent_away_leaves_nothing_behind() -> None:
    places = admission()
    place = await places.enter("m", 1)
    queued = await waiting(places)
    places.close("SIGTERM")
    queued.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queued
    place.release()
    assert (places.in_flight, places.queued) == (0, 0)
