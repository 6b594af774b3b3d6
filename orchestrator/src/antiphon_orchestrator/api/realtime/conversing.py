"""A session and its client, until one of the two has had enough. Whatever carries the messages is the caller's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from antiphon_core.tasks import run_for_ever
from starlette.requests import HTTPConnection

from antiphon_orchestrator.api.client_secrets import OWNER_KEY
from antiphon_orchestrator.api.realtime.bridge import Bridge
from antiphon_orchestrator.api.realtime.faults import Fault
from antiphon_orchestrator.api.realtime.outbox import SLOW_CLIENT, Outbox
from antiphon_orchestrator.keeping.keeper import Keeper, Ticket
from antiphon_orchestrator.session.outlet import Outlet
from antiphon_orchestrator.session.session import Session

log = structlog.get_logger(__name__)

_OWN_EVENTS = "antiphon_events"
_ECHO = "antiphon_echo_cancellation"
_RESUME = "antiphon_resume"
RESUME_HEADER = "antiphon-resume"
_CHOICES = {"true": True, "false": False}
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


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a connection asks for, beyond the protocol. `echo` None: as the server's settings say. `resume`: the token
    of a conversation to go on with. `owner`: whose key was shown."""

    model: str = ""
    own_events: bool = False
    echo: bool | None = None
    resume: str = ""
    owner: str = ""


def wishes_of(connection: HTTPConnection) -> Wishes:
    """Raises a Fault for a choice that there is not."""
    query, headers = connection.query_params, connection.headers
    return Wishes(
        query.get("model", ""),
        _choice(query, _OWN_EVENTS) or False,
        _choice(query, _ECHO),
        query.get(_RESUME) or headers.get(RESUME_HEADER, ""),
        connection.scope.get(OWNER_KEY, ""),
    )


def _choice(query: Mapping[str, str], name: str) -> bool | None:
    given = query.get(name)
    if given is not None and given not in _CHOICES:
        message = f"Invalid value: '{given}'. Supported values are: 'true', 'false'."
        raise Fault(message, code="invalid_value", param=name)
    return None if given is None else _CHOICES[given]


class Host(Protocol):
    """The server, as a connection sees it."""

    def new_outbox(self, *, own_events: bool) -> Outbox: ...

    async def prepare(self, wishes: Wishes) -> Ticket | None:
        """Loads what only some conversations need; finds the one to resume. Raises an AntiphonError, or a Refusal."""
        ...

    def conversation(
        self, wishes: Wishes, outlet: Outlet, *updates: Mapping[str, Any], ticket: Ticket | None = None
    ) -> AbstractContextManager[tuple[Session, Bridge]]:
        """A session, counted as long as it is held; `updates` say what it is like, as a `session.update` does.

        `ticket`: what it can be resumed with, and goes on with if there is something; it is then as it was.
        Raises an AntiphonError if no further one can be held, and a Refusal of what it shall be like.
        """
        ...


async def converse(
    session: Session,
    outbox: Outbox,
    receiving: Coroutine[Any, Any, None],
    send: Callable[[str], Awaitable[None]],
    keeper: Keeper | None = None,
) -> None:
    """`receiving` takes the client's messages and ends when it goes; `send` may wait until the client takes one.

    What is to be resumed is kept before the client is hung up on.
    """
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(_send(outbox, send))
        try:
            await _talk(session, outbox, receiving, keeper)
        except* Exception as failures:
            log.error("session failed", exc_info=failures)
            outbox.event("error", error=_FAILED)
            outbox.close(INTERNAL_ERROR, "internal error")
        if keeper is not None:
            await keeper.finish(session)
        outbox.close(1000, "")
        await asyncio.wait({sending}, timeout=_LAST_WORDS_S)
        sending.cancel()


async def _talk(session: Session, outbox: Outbox, receiving: Coroutine[Any, Any, None], keeper: Keeper | None) -> None:
    async with asyncio.TaskGroup() as tasks:
        # The client of Redis swallows a cancellation now and then (by Python 3.11's `wait_for`); this repeats it.
        keeping = tasks.create_task(run_for_ever(keeper.run(session))) if keeper is not None else None
        talking = tasks.create_task(session.run())
        listening = tasks.create_task(receiving)
        closing = tasks.create_task(outbox.closed.wait())
        await asyncio.wait({talking, listening, closing}, return_when=asyncio.FIRST_COMPLETED)
        for task in (listening, closing, keeping):
            if task is not None:
                task.cancel()
        is_slow = outbox.closing is not None and outbox.closing[0] == SLOW_CLIENT
        session.hang_up("slow_client" if is_slow else "hung_up")


async def _send(outbox: Outbox, send: Callable[[str], Awaitable[None]]) -> None:
    while (message := await outbox.next()) is not None:
        await send(message)
