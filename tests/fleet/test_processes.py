"""Several processes on one port: a crash costs its own calls only, and everybody else sees one server."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from antiphon_core.testkit.redis_server import RedisServer
from antiphon_orchestrator.testing.rtc import calling
from prometheus_client.parser import text_string_to_metric_families
from registry_party import until
from servers import Caller, ServerProcess, said, server
from websockets.asyncio.client import connect
from workers import workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SENTENCE = "Seven old friends quietly walked home."


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server of two processes."""
    with RedisServer(tmp_path) as redis:
        async with workers(redis.url, 1), server(redis.url, "--processes", "2", "--resume-s", "60") as one:
            yield one


async def processes(one: ServerProcess) -> list[dict[str, Any]]:
    async with one.http() as http:
        found: list[dict[str, Any]] = (await http.get("/health")).json()["processes"]
    return found


async def whole(one: ServerProcess, but: int = 0) -> list[dict[str, Any]]:
    """Waits until two are ready, of which none is the process `but`."""
    async with asyncio.timeout(120):
        while True:
            found = await processes(one)
            if len(found) == 2 and not any(each["missing"] or each["pid"] == but for each in found):
                return found
            await asyncio.sleep(0.2)


async def metric(one: ServerProcess, name: str, **labels: str) -> float:
    async with one.http() as http:
        text = (await http.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


async def test_a_crash_is_noticed_by_the_calls_of_that_process_only(two: ServerProcess) -> None:
    callers = [Caller([two.address]) for _ in range(6)]
    await asyncio.gather(*(caller.say(SENTENCE) for caller in callers))
    assert [each["sessions"] for each in await processes(two)] == [3, 3]
    assert await metric(two, "antiphon_sessions") == 6
    answered = await metric(two, "antiphon_responses_total", status="completed")
    assert answered == 6

    killed = (await whole(two))[0]["pid"]
    os.kill(killed, signal.SIGKILL)
    await asyncio.gather(*(caller.say(SENTENCE) for caller in callers))
    assert sorted(caller.closes for caller in callers) == [[], [], [], [1006], [1006], [1006]]
    assert all(caller.answers == said([SENTENCE] * 2) for caller in callers)
    assert await metric(two, "antiphon_responses_total", status="completed") >= answered

    await whole(two, but=killed)
    assert await metric(two, "antiphon_processes") == 2
    assert await metric(two, "antiphon_processes_replaced_total") == 1
    for caller in callers:
        await caller.close()


async def test_a_client_secret_opens_every_process(two: ServerProcess) -> None:
    async with two.http() as http, AsyncExitStack() as stack:
        answer = await http.post("/v1/realtime/client_secrets", json={"session": {"instructions": "Be brief."}})
        key = {"Authorization": f"Bearer {answer.json()['value']}"}
        for _ in range(4):
            socket = await stack.enter_async_context(
                connect(f"ws://{two.address}/v1/realtime", additional_headers=key, compression=None)
            )
            assert "Be brief." in str(await socket.recv())
        assert [each["sessions"] for each in await processes(two)] == [2, 2]


async def test_a_call_is_hung_up_through_any_process(two: ServerProcess) -> None:
    async with two.http() as http, calling(http) as call:
        holder = next(each["process"] for each in await processes(two) if each["sessions"])
        ended = await hung_up_by_another(two, call.location, holder)
        assert ended.status_code == 200
        async with asyncio.timeout(20):
            while any(each["sessions"] for each in await processes(two)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert (await http.post(f"{call.location}/hangup")).status_code == 404


async def hung_up_by_another(one: ServerProcess, location: str, holder: int) -> httpx.Response:
    """Over a connection to a process that does not hold the call."""
    async with asyncio.timeout(20):
        while True:
            async with one.http() as http:
                if (await http.get("/health")).json()["process"] != holder:
                    return await http.post(f"{location}/hangup")


async def test_every_process_drains(two: ServerProcess) -> None:
    callers = [Caller([two.address]) for _ in range(4)]
    await asyncio.gather(*(caller.say(SENTENCE) for caller in callers))
    begun = [asyncio.Event() for _ in range(2)]
    speaking = [asyncio.create_task(heard_whole(two, one)) for one in begun]
    await asyncio.gather(*(one.wait() for one in begun))
    two.send(signal.SIGTERM)
    lengths = await asyncio.gather(*speaking)
    assert lengths[0] == lengths[1] > 48_000
    assert await two.ended() == 0


async def heard_whole(one: ServerProcess, begun: asyncio.Event) -> int:
    request = {"input": " ".join([SENTENCE] * 10), "voice": "tone", "response_format": "pcm"}
    length = 0
    async with one.http() as http, http.stream("POST", "/v1/audio/speech", json=request) as answer:
        assert answer.status_code == 200
        async for piece in answer.aiter_bytes():
            length += len(piece)
            begun.set()
    return length


async def test_a_process_that_is_told_to_end_drains_and_is_followed_by_another(two: ServerProcess) -> None:
    leaving = (await whole(two))[0]["pid"]
    os.kill(leaving, signal.SIGTERM)
    await whole(two, but=leaving)
    caller = Caller([two.address])
    await caller.say(SENTENCE)
    assert caller.answers == said([SENTENCE])
    await caller.close()


async def test_when_the_first_process_is_killed_the_others_end_too(two: ServerProcess) -> None:
    found: Sequence[int] = [each["pid"] for each in await whole(two)]
    two.send(signal.SIGKILL)
    await until(lambda: not any(map(lives, found)), 60.0)


def lives(pid: int) -> bool:
    """Where nobody reaps what has ended, it stays in the list of processes."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
