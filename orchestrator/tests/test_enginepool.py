from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from antiphon_core.errors import BadRequest, EngineFailed, Full
from antiphon_orchestrator.enginepool import EnginePool, Stopped


class Job:
    """Runs until it is let go, and says when it has begun."""

    def __init__(self, log: list[str] | None = None, name: str = "") -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.seen_stop = threading.Event()
        self._log, self._name = log if log is not None else [], name

    def __call__(self, stopped: Stopped) -> str:
        self._log.append(self._name)
        self.begun.set()
        while not self.go.wait(0.001):
            if stopped():
                self.seen_stop.set()
                break
        return self._name


@pytest.fixture
async def pool() -> AsyncIterator[EnginePool]:
    pool = EnginePool("test-engine", running=1, waiting=2)
    yield pool
    pool.close()


async def until(happened: threading.Event) -> None:
    assert await asyncio.to_thread(happened.wait, 5)


Started = tuple[Job, asyncio.Task[str]]


async def started(pool: EnginePool, **options: Any) -> Started:
    job = Job()
    task = asyncio.create_task(pool.run(job, **options))
    await until(job.begun)
    return job, task


async def test_a_jobs_result_comes_back(pool: EnginePool) -> None:
    assert await pool.run(lambda stopped: 42) == 42


async def test_jobs_run_in_the_order_they_came(pool: EnginePool) -> None:
    first, running = await started(pool)
    log: list[str] = []
    waiting = [asyncio.create_task(pool.run(_logging(log, name))) for name in ("second", "third")]
    await asyncio.sleep(0)
    assert log == []
    first.go.set()
    await asyncio.gather(running, *waiting)
    assert log == ["second", "third"]


async def test_urgent_jobs_go_first(pool: EnginePool) -> None:
    first, running = await started(pool)
    log: list[str] = []
    patient = asyncio.create_task(pool.run(_logging(log, "patient"), urgent=False))
    await asyncio.sleep(0)
    urgent = asyncio.create_task(pool.run(_logging(log, "urgent")))
    await asyncio.sleep(0)
    first.go.set()
    await asyncio.gather(running, patient, urgent)
    assert log == ["urgent", "patient"]


async def test_too_many_waiting_jobs_are_refused_with_a_hint_when_to_come_back(pool: EnginePool) -> None:
    first, running = await started(pool)
    waiting = [asyncio.create_task(pool.run(_logging([], ""))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Full, match="test-engine is busy and 2 jobs wait already") as refused:
        await pool.run(_logging([], ""))
    assert refused.value.retry_after_ms > 0
    first.go.set()
    await asyncio.gather(running, *waiting)


async def test_waiting_patient_jobs_keep_no_urgent_one_out(pool: EnginePool) -> None:
    first, running = await started(pool)
    waiting = [asyncio.create_task(pool.run(_logging([], ""), urgent=False)) for _ in range(2)]
    await asyncio.sleep(0)
    urgent = asyncio.create_task(pool.run(lambda stopped: "in"))
    first.go.set()
    assert await urgent == "in"
    await asyncio.gather(running, *waiting)


async def test_cancelling_a_waiting_job_frees_its_place_at_once(pool: EnginePool) -> None:
    first, running = await started(pool)
    log: list[str] = []
    waiting = [asyncio.create_task(pool.run(_logging(log, name))) for name in ("second", "third")]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    fourth = asyncio.create_task(pool.run(_logging(log, "fourth")))
    await asyncio.sleep(0)
    first.go.set()
    await asyncio.gather(running, waiting[1], fourth)
    assert log == ["third", "fourth"]


async def test_a_cancelled_running_job_is_told_and_keeps_its_thread_until_it_ends(pool: EnginePool) -> None:
    first, running = await started(pool)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(first.seen_stop)
    assert await pool.run(lambda stopped: "next") == "next"


async def test_a_job_cancelled_while_its_place_is_handed_over_passes_it_on(pool: EnginePool) -> None:
    first, running = await started(pool)
    second = asyncio.create_task(pool.run(_logging([], "")))
    await asyncio.sleep(0)
    first.go.set()
    await running
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert await pool.run(lambda stopped: "free") == "free"


async def test_an_engines_exception_becomes_a_condition_with_its_cause(pool: EnginePool) -> None:
    with pytest.raises(EngineFailed, match="test-engine failed: ZeroDivisionError: ") as failed:
        await pool.run(lambda stopped: 1 // 0)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
    assert await pool.run(lambda stopped: "still here") == "still here"


async def test_our_own_conditions_pass_unchanged(pool: EnginePool) -> None:
    refusal = BadRequest("too long")

    def refuse(stopped: Stopped) -> None:
        raise refusal

    with pytest.raises(BadRequest) as refused:
        await pool.run(refuse)
    assert refused.value is refusal


async def test_as_many_jobs_run_at_once_as_the_pool_has_places() -> None:
    pool = EnginePool("test-engine", running=2, waiting=1)
    (one, first), (two, second) = await started(pool), await started(pool)
    one.go.set()
    two.go.set()
    await asyncio.gather(first, second)
    pool.close()


def _logging(log: list[str], name: str) -> Callable[[Stopped], None]:
    return lambda stopped: log.append(name)
