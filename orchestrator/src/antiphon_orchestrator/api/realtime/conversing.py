"""A session and its client, until one of the two has had enough. Whatever carries the messages is the caller's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import structlog

from antiphon_orchestrator.api.realtime.bridge import Bridge
from antiphon_orchestrator.api.realtime.outbox import SLOW_CLIENT, Outbox
from antiphon_orchestrator.session.outlet import Outlet
from antiphon_orchestrator.session.session import Session

log = structlog.get_logger(__name__)

OWN_EVENTS = "antiphon_events"
"""The query parameter by which a client asks for events beyond the protocol."""
INTERNAL_ERROR = 1011
_LAST_WORDS_S = 2.0
"""What was said before the end may take so long to leave."""
_FAILED = {
    "type": "server_error",
    "code": "session_failed",
    "message": "The session failed; connect again.",
    "param": None,
    "event_id": None,
}


class Host(Protocol):
    """The server, as a connection sees it."""

    def new_outbox(self, *, own_events: bool) -> Outbox: ...

    def conversation(
        self, model: str, outlet: Outlet, *updates: Mapping[str, Any]
    ) -> AbstractContextManager[tuple[Session, Bridge]]:
        """A session, counted as long as it is held; `updates` say what it is like, as a `session.update` does.

        Raises an AntiphonError if no further one can be held, and a Refusal of what it shall be like.
        """
        ...


async def converse(
    session: Session,
    outbox: Outbox,
    receiving: Coroutine[Any, Any, None],
    send: Callable[[str], Awaitable[None]],
) -> None:
    """`receiving` takes the client's messages and ends when it goes; `send` may wait until the client takes one."""
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(_send(outbox, send))
        try:
            await _talk(session, outbox, receiving)
        except* Exception as failures:
            log.error("session failed", exc_info=failures)
            outbox.event("error", error=_FAILED)
            outbox.close(INTERNAL_ERROR, "internal error")
        outbox.close(1000, "")
        await asyncio.wait({sending}, timeout=_LAST_WORDS_S)
        sending.cancel()


async def _talk(session: Session, outbox: Outbox, receiving: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as tasks:
        talking = tasks.create_task(session.run())
        listening = tasks.create_task(receiving)
        closing = tasks.create_task(outbox.closed.wait())
        await asyncio.wait({talking, listening, closing}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        closing.cancel()
        is_slow = outbox.closing is not None and outbox.closing[0] == SLOW_CLIENT
        session.hang_up("slow_client" if is_slow else "hung_up")


async def _send(outbox: Outbox, send: Callable[[str], Awaitable[None]]) -> None:
    while (message := await outbox.next()) is not None:
        await send(message)
