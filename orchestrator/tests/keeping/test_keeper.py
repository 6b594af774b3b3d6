"""A conversation is kept as it goes on: what a client was told at once, how far an answer is every second."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

from antiphon_orchestrator.keeping.in_memory import InMemory
from antiphon_orchestrator.keeping.keeper import Keeper, Ticket
from antiphon_orchestrator.session.session import Session
from antiphon_orchestrator.testing.party import Listener
from antiphon_orchestrator.testing.virtual_time import virtually


@dataclass
class Talk:
    """As much of a session as is kept."""

    id: str = "sess_1"
    written: str = "begun"


@virtually
async def test_what_a_client_was_told_is_kept_at_once_and_words_every_second() -> None:
    keep, talk = InMemory(asyncio.get_running_loop().time), Talk()
    keeper = Keeper(keep, Ticket(talk.id, "token", "key"), 60.0, Listener())
    keeping = asyncio.create_task(keeper.run(cast(Session, talk)))

    async def kept_after(seconds: float, written: str, event: str, **fields: object) -> str | None:
        talk.written = written
        keeper.event(event, **fields)
        await asyncio.sleep(seconds)
        return await keep.take("key", talk.id)

    await asyncio.sleep(0.1)
    spoken = {"item_id": "item_1", "audio_ms": 200, "text_chars": 4}
    assert await kept_after(0.1, "a word", "antiphon.output.spoken", **spoken) == "begun"
    assert await kept_after(0.9, "a word", "antiphon.output.spoken", **spoken) == "a word"
    deleted = {"item_id": "item_1"}
    assert await kept_after(0.01, "an item less", "conversation.item.deleted", **deleted) == "an item less"
    assert await kept_after(0.01, "two less", "conversation.item.deleted", **deleted) == "two less"
    keeping.cancel()
    await asyncio.wait({keeping})
