"""What waits for a client."""

from __future__ import annotations

import json

from antiphon_orchestrator.api.realtime.outbox import SLOW_CLIENT, Outbox


async def test_events_of_our_own_reach_only_clients_that_ask_for_them() -> None:
    standard, curious = Outbox(10_000), Outbox(10_000, own_events=True)
    for outbox in (standard, curious):
        outbox.event("antiphon.state", state="idle")
        outbox.event("session.created", session={})
    assert json.loads(await standard.next() or "")["type"] == "session.created"
    assert json.loads(await curious.next() or "")["type"] == "antiphon.state"


async def test_a_client_that_reads_nothing_is_hung_up_on() -> None:
    outbox = Outbox(1_000)
    for _ in range(100):
        outbox.event("error", error={"message": "too slow"})
    assert await outbox.next() is None
    assert outbox.closing is not None
    assert outbox.closing[0] == SLOW_CLIENT
