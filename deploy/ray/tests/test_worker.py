"""A worker's process, as a replica holds it: the reference engine's own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import grpc
import psutil
import pytest
from antiphon_core.audio import PcmFormat
from antiphon_core.errors import CannotLoad
from antiphon_core.registry.describing import describing
from antiphon_core.utterance import Start, Text
from antiphon_core.wire.calls import UtteranceCall
from antiphon_ray.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

TONE = {"adapter": "tone", "log_format": "console", "log_level": "warning"}
START_S = 120.0
HERE = "127.0.0.1"
NOWHERE = "static://"


async def started(**settings: object) -> Worker:
    worker = Worker(Path(sys.executable), HERE, {**TONE, **settings}, NOWHERE)
    await worker.start(START_S)
    return worker


async def test_it_is_ready_when_it_has_started_and_gone_when_it_has_ended() -> None:
    worker = await started(name="first")
    async with describing() as describe:
        assert (await describe(worker.address)).worker == "first"
    await worker.check()
    await worker.end(20.0)
    with pytest.raises(CannotLoad, match="ended with status 0"):
        await worker.check()


async def test_its_streams_are_the_utterances_that_run_and_wait() -> None:
    worker = await started(models=["tone-solo"])
    assert await worker.streams() == 0
    async with grpc.aio.insecure_channel(worker.address) as channel:
        calls = [UtteranceCall(channel) for _ in range(3)]
        for call in calls:
            await call.send(Start(format=PcmFormat(24_000), options={"rtf": "0.9"}))
            await call.send(Text("A dozen old friends walked home along the winding river.", last=True))
        await asyncio.wait_for(_until_streams(worker, 3), 20.0)
        for call in calls:
            call.cancel()
        await asyncio.wait_for(_until_streams(worker, 0), 20.0)
    await worker.end(20.0)


async def _until_streams(worker: Worker, number: int) -> None:
    while await worker.streams() != number:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def test_one_that_ends_before_it_is_ready_says_so() -> None:
    worker = Worker(Path(sys.executable), HERE, {**TONE, "options": {"raise_at": "load"}}, NOWHERE)
    with pytest.raises(CannotLoad, match="the worker of tone ended with status 1; see its log"):
        await worker.start(START_S)
    await worker.end(1.0)


async def test_variables_that_are_an_images_say_nothing_against_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIPHON_WORKER_PORT", "1")
    monkeypatch.setenv("ANTIPHON_WORKER_HOST", "203.0.113.1")
    monkeypatch.setenv("ANTIPHON_WORKER_ADAPTER", "nothing")
    await (await started()).end(20.0)


async def test_one_that_takes_too_long_is_ended() -> None:
    worker = Worker(Path(sys.executable), HERE, {**TONE, "options": {"load_ms": "60000"}}, NOWHERE)
    with pytest.raises(CannotLoad, match=r"was not ready within 0\.5 s"):
        await worker.start(0.5)
    assert not psutil.pid_exists(worker.process_id)


async def test_one_that_was_killed_is_not_healthy() -> None:
    worker = await started()
    os.kill(worker.process_id, signal.SIGKILL)
    with pytest.raises(CannotLoad, match=r"ended with status -9|is not healthy"):
        await asyncio.wait_for(_check_on(worker), 20.0)
    await worker.end(1.0)


async def _check_on(worker: Worker) -> None:
    while True:
        await worker.check()
        await asyncio.sleep(0.05)


async def test_one_that_does_not_answer_is_not_healthy_has_no_streams_and_is_killed_in_the_end() -> None:
    worker = await started()
    os.kill(worker.process_id, signal.SIGSTOP)
    with pytest.raises(CannotLoad, match="is not healthy"):
        await worker.check()
    assert await worker.streams() == 0
    await worker.end(0.5)
    assert not psutil.pid_exists(worker.process_id)


async def test_where_it_announces_itself_is_told_by_its_environment() -> None:
    """Command lines and files are read by more people."""
    worker = Worker(Path(sys.executable), HERE, TONE, "redis://:secret@127.0.0.1:1")
    await worker.start(START_S)
    process = psutil.Process(worker.process_id)
    assert process.environ()["ANTIPHON_WORKER_REGISTRY"] == "redis://:secret@127.0.0.1:1"
    assert "secret" not in " ".join(process.cmdline())
    await worker.end(20.0)
