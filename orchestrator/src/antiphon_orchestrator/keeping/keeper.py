"""Keeps one conversation as it goes on, so that its client can resume it, here or elsewhere."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from antiphon_orchestrator.keeping.base import Keep, KeepGone, hashed
from antiphon_orchestrator.session.ids import new_id
from antiphon_orchestrator.session.outlet import Outlet, ResponseSheet
from antiphon_orchestrator.session.past import BadPast, Past, read_past
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.session.session import Session

log = structlog.get_logger(__name__)

_EVERY_S = 1.0
_LAST_S = 2.0
_PRESSING = ("conversation.item.", "session.updated", "response.done", "antiphon.output.interrupted")
"""Events after which a conversation is not what it was: a client that comes back relies on each."""
_SPOKEN = "antiphon.output.spoken"
"""A word further: told often, and kept every now and then."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a client resumes a conversation with. `past`: what there is to resume; None: it only begins."""

    session_id: str
    token: str
    key: str
    past: Past | None = None


async def ticket_for(token: str, owner: str, keep: Keep) -> Ticket:
    """A new one, or the one that `token` names: then whoever still holds that conversation holds it no longer.

    A token resumes only what its owner, the API key that was shown, has begun. Raises a Refusal, or KeepGone.
    """
    session_id = new_id("sess")
    if not token:
        token = secrets.token_urlsafe(24)
        return Ticket(session_id, token, _key_of(token, owner))
    key = _key_of(token, owner)
    text = await keep.take(key, session_id)
    if text is None:
        raise Refusal(
            "This resume token is unknown, has expired, or belongs to another key; connect without it to begin anew.",
            code="invalid_resume_token",
            param="antiphon_resume",
        )
    try:
        return Ticket(session_id, token, key, read_past(text))
    except BadPast as error:
        log.warning("a kept conversation cannot be read", reason=str(error))
        raise Refusal(
            "The conversation was kept by a server of another version; connect without the token to begin anew.",
            code="unreadable_conversation",
            param="antiphon_resume",
        ) from error


def _key_of(token: str, owner: str) -> str:
    return f"conversation:{hashed(f'{token} {owner}')}"


class Keeper:
    """One session's, and the outlet it speaks through: notes what changes."""

    def __init__(self, keep: Keep, ticket: Ticket, ttl_s: float, outlet: Outlet) -> None:
        self._keep = keep
        self._ticket = ticket
        self._key = ticket.key
        self._ttl_s = ttl_s
        self._outlet = outlet
        self._changed = asyncio.Event()
        self._changed.set()
        self._pressing = asyncio.Event()
        self._complained = False

    def event(self, type_: str, /, **fields: Any) -> None:
        self._outlet.event(type_, **fields)
        if type_.startswith(_PRESSING):
            self._pressing.set()
        if type_.startswith((*_PRESSING, _SPOKEN)):
            self._changed.set()

    def audio(self, sheet: ResponseSheet, item_id: str, pcm: bytes) -> None:
        self._outlet.audio(sheet, item_id, pcm)

    def close(self, code: int, reason: str) -> None:
        self._outlet.close(code, reason)

    def greet(self) -> None:
        """Tells the client how to come back, and what it comes back to."""
        self._outlet.event("antiphon.session.resumable", token=self._ticket.token, expires_after_s=self._ttl_s)
        if self._ticket.past is not None:
            items = [item.as_json() for item in self._ticket.past.conversation]
            conversation_id = self._ticket.past.conversation.id
            self._outlet.event("antiphon.session.resumed", conversation_id=conversation_id, items=items)

    async def run(self, session: Session) -> None:
        """Until cancelled; what stays as it is is kept anew before it expires."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._ttl_s / 3):
                    await self._changed.wait()
            self._changed.clear()
            self._pressing.clear()
            if not await self._put(session):
                session.emit("antiphon.session.closed", reason="resumed_elsewhere")
                session.hang_up("resumed_elsewhere")
                self._outlet.close(1000, "the conversation was resumed over another connection")
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await self._pressing.wait()

    async def finish(self, session: Session) -> None:
        """The session is over: its conversation is kept as it ended, or no longer if it reached its limits."""
        with suppress(TimeoutError, KeepGone):
            async with asyncio.timeout(_LAST_S):
                if session.end_reason in ("duration", "turns"):
                    await self._keep.forget(self._key)
                else:
                    await self._put(session)

    async def _put(self, session: Session) -> bool:
        """False if somebody else goes on with it."""
        try:
            ours = await self._keep.put(self._key, session.id, session.written, self._ttl_s)
        except KeepGone as error:
            if not self._complained:
                log.warning("the conversation is not kept", reason=error.message)
            self._complained = True
            self._changed.set()
            return True
        self._complained = False
        return ours
