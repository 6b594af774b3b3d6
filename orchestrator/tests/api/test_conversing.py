"""A connection ends when its session does, whatever else it had begun."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

from antiphon_orchestrator.api.realtime.conversing import converse
from antiphon_orchestrator.api.realtime.outbox import Outbox
from antiphon_orchestrator.keeping.in_memory import InMemory
from antiphon_orchestrator.keeping.keeper import Keeper, Ticket
from antiphon_orchestrator.session.session import Session
from antiphon_orchestrator.testing.virtual_time import clock_ms, virtually


class Swallowing(InMemory):
    """As a client of Redis may: an answer that comes together with a cancellation wins."""

    async def put(self, key: str, holder: str, text: str, ttl_s: float) -> bool:
        try:
            await asyncio.sleep(1.5)
        except asyncio.CancelledError:
            if self.swallowed:
                raise
            self.swallowed = True
        return True

    swallowed = False


@dataclass
class Brief:
    """A session that is over after a second."""

    id: str = "sess_1"
    written: str = ""
    end_reason: str = ""

    async def run(self) -> None:
        await asyncio.sleep(1.0)

    def hang_up(self, reason: str) -> None:
        self.end_reason = reason


@virtually
async def test_a_cancellation_that_was_swallowed_while_keeping_holds_nobody() -> None:
    keep, session, outbox = Swallowing(), cast(Session, Brief()), Outbox(1_000_000)
    keeper = Keeper(keep, Ticket("sess_1", "token", "key"), 60.0, outbox)

    async def receive() -> None:
        await asyncio.Event().wait()

    async def send(_: str) -> None:
        return

    await converse(session, outbox, receive(), send, keeper)
    assert keep.swallowed
    assert clock_ms() < 10_000
