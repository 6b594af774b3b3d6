"""Two processes ask and tell each other things; connections go from one to the other."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from antiphon_orchestrator.keeping.base import KeepGone
from antiphon_orchestrator.keeping.in_memory import InMemory
from antiphon_orchestrator.processes import handover
from antiphon_orchestrator.processes.channel import Answer, Channel, LineBroken
from antiphon_orchestrator.processes.remote_keep import RemoteKeep, serve_keep

pytestmark = pytest.mark.integration


async def silent(what: str, details: dict[str, Any]) -> None: ...


@asynccontextmanager
async def channels(there: Answer, here: Answer = silent) -> AsyncIterator[tuple[Channel, Channel]]:
    ends = socket.socketpair()
    one, other = Channel(ends[0], here), Channel(ends[1], there)
    await one.open()
    await other.open()
    running = [asyncio.create_task(end.run()) for end in (one, other)]
    try:
        yield one, other
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)


async def test_questions_are_answered_while_others_wait() -> None:
    gate = asyncio.Event()

    async def answer(what: str, details: dict[str, Any]) -> Any:
        if what == "slow":
            await gate.wait()
        return {what: details}

    async with channels(answer) as (here, _):
        slow = asyncio.create_task(here.ask("slow", 10.0, n=1))
        assert await here.ask("quick", 10.0, text="ä\n") == {"quick": {"text": "ä\n"}}
        gate.set()
        assert await slow == {"slow": {"n": 1}}


async def test_both_ends_may_ask_and_tell() -> None:
    told = asyncio.Event()

    async def listen(what: str, details: dict[str, Any]) -> Any:
        told.set()
        return "heard"

    async with channels(silent, listen) as (_, there):
        there.tell("news")
        await told.wait()
        assert await there.ask("anything", 10.0) == "heard"


async def test_who_asks_is_told_when_the_other_end_is_gone() -> None:
    async def never(what: str, details: dict[str, Any]) -> Any:
        await asyncio.Event().wait()

    ends = socket.socketpair()
    here = Channel(ends[0], never)
    await here.open()
    running = asyncio.create_task(here.run())
    asking = asyncio.create_task(here.ask("anything", 10.0))
    await asyncio.sleep(0)
    ends[1].close()
    with pytest.raises(LineBroken):
        await asking
    await running
    with pytest.raises(LineBroken):
        here.tell("anything")


async def test_a_question_that_cannot_be_answered_times_out_and_the_line_stays() -> None:
    async def fail(what: str, details: dict[str, Any]) -> Any:
        if what == "bad":
            raise ZeroDivisionError
        return "fine"

    async with channels(fail) as (here, _):
        with pytest.raises(TimeoutError):
            await here.ask("bad", 0.1)
        assert await here.ask("good", 10.0) == "fine"


async def test_what_one_process_keeps_another_takes() -> None:
    keep = InMemory()

    async def answer(_: str, details: dict[str, Any]) -> Any:
        return await serve_keep(keep, **details)

    async with channels(answer) as (here, _):
        remote = RemoteKeep(here)
        assert await remote.put("key", "one", "text", 60.0)
        assert await remote.take("key", "other") == "text"
        assert not await remote.put("key", "one", "stale", 60.0)
        await remote.forget("key")
        assert await remote.take("key", "other") is None
    with pytest.raises(KeepGone):
        await remote.take("key", "other")


async def test_a_connection_goes_to_the_other_process_with_what_was_sent_over_it() -> None:
    giver, taker = socket.socketpair()
    ours, theirs = socket.socketpair()
    with giver, taker, ours:
        taker.setblocking(False)
        ours.sendall(b"hello")
        assert handover.give(giver, theirs)
        theirs.close()
        (taken,) = handover.take(taker)
        with taken:
            assert taken.recv(5) == b"hello"


async def test_who_takes_nothing_is_given_nothing_and_a_giver_that_is_gone_is_noticed() -> None:
    giver, taker = socket.socketpair()
    ours, theirs = socket.socketpair()
    with ours, theirs, taker:
        giver.setblocking(False)
        taker.setblocking(False)
        given = 0
        while handover.give(giver, theirs):
            given += 1
            assert given < 100_000, "nothing bounds what may wait"
        taken = list(handover.take(taker))
        assert len(taken) == given
        giver.close()
        with pytest.raises(ConnectionError):
            list(handover.take(taker))
        for connection in taken:
            connection.close()
