"""The conversations a server holds: who may begin one, what it is like, and what is kept and logged of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from antiphon_core.errors import AntiphonError, Draining, Full, condition
from pydantic import ValidationError
from structlog.contextvars import bound_contextvars

from antiphon_orchestrator.aliases import Aliases
from antiphon_orchestrator.api.realtime.bridge import Bridge, Clean, Ear
from antiphon_orchestrator.api.realtime.conversing import Wishes
from antiphon_orchestrator.api.realtime.faults import fault_of
from antiphon_orchestrator.api.realtime.outbox import Outbox
from antiphon_orchestrator.echo import webrtc_apm
from antiphon_orchestrator.echo.canceller import EchoCanceller
from antiphon_orchestrator.keeping.base import Keep
from antiphon_orchestrator.keeping.keeper import Keeper, Ticket, ticket_for
from antiphon_orchestrator.metrics import Metrics
from antiphon_orchestrator.processes.house import House, share_of
from antiphon_orchestrator.recording import Recorder
from antiphon_orchestrator.session.checks import check_voice
from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.session.ids import new_id
from antiphon_orchestrator.session.outlet import Outlet
from antiphon_orchestrator.session.parts import Parts, SessionSettings
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.session.session import Session
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.turn.floor import State
from antiphon_orchestrator.turn.limits import LimitSettings

log = structlog.get_logger(__name__)


def clock_ms() -> int:
    """Milliseconds that only grow."""
    return time.monotonic_ns() // 1_000_000


class Conversations:
    """One server's. `parts` gives what sessions are made of, or raises Full while that is still loading."""

    def __init__(
        self,
        settings: Callable[[], ServerSettings],
        parts: Callable[[], Parts],
        aliases: Aliases,
        metrics: Metrics,
        recorder: Recorder,
        keep: Keep,
        house: House,
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._aliases = aliases
        self._metrics = metrics
        self._recorder = recorder
        self._keep = keep
        self._house = house
        self._sessions: set[Session] = set()
        self._closed = False
        metrics.watch_each("sessions", "Conversations that are held, by who has the floor", "state", self._count)

    def __len__(self) -> int:
        return len(self._sessions)

    def end(self, within_ms: int = 0) -> None:
        """Takes no more, and ends each that there is with the turn that is under way, within so long at most."""
        self._closed = True
        for session in tuple(self._sessions):
            session.server_ends(within_ms)

    def new_outbox(self, *, own_events: bool) -> Outbox:
        """What waits for one client."""
        return Outbox(self._settings().max_unread_bytes, own_events=own_events)

    @contextmanager
    def conversation(
        self, wishes: Wishes, outlet: Outlet, *updates: Mapping[str, Any], ticket: Ticket | None = None
    ) -> Iterator[tuple[Session, Bridge]]:
        """A session, counted as long as it is held; `updates` say what it is like, as a `session.update` does.

        `ticket`: what it can be resumed with, and goes on with if there is something; it is then as it was.
        Raises Full or Draining if no further one can be held, and a Refusal of what it shall be like.
        """
        parts = self._parts_for_one_more()
        past = ticket.past if ticket is not None else None
        config = past.config if past is not None else self._config(parts, wishes.model, *updates)
        session_id = ticket.session_id if ticket is not None else new_id("sess")
        outlet, clean = self._cancelling(outlet, wishes.echo)
        with self._recorded(session_id, outlet) as (outlet, ear):
            keeper = Keeper(self._keep, ticket, self._settings().resume_s, outlet) if ticket is not None else None
            session = Session(parts, self._session_settings(), config, keeper or outlet, clock_ms, session_id)
            if past is not None:
                session.conversation = past.conversation
            self._sessions.add(session)
            try:
                with bound_contextvars(session=session_id), self._logged(session):
                    yield session, Bridge(session, session.emit, ear, clean, keeper)
            finally:
                self._sessions.discard(session)

    async def prepare_all(self) -> None:
        """Loads what all conversations need that wish nothing of their own. Raises CannotLoad."""
        await self._prepare(echo=None)

    async def _prepare(self, *, echo: bool | None) -> None:
        if self._cancels(echo):
            await asyncio.to_thread(webrtc_apm.load)

    async def prepare(self, wishes: Wishes) -> Ticket | None:
        """Loads what only some conversations need; finds the one to resume. Raises an AntiphonError, or a Refusal."""
        await self._prepare(echo=wishes.echo)
        if not self._settings().resume_s:
            if wishes.resume:
                raise Refusal(
                    "Conversations cannot be resumed here: the setting resume_s is 0; connect without the token.",
                    code="resume_is_off",
                    param="antiphon_resume",
                )
            return None
        # Only who hears of events of ours learns the token.
        if not (wishes.resume or wishes.own_events):
            return None
        return await ticket_for(wishes.resume, wishes.owner, self._keep)

    def _cancels(self, echo: bool | None) -> bool:
        return self._settings().echo_cancellation if echo is None else echo

    def _cancelling(self, outlet: Outlet, echo: bool | None) -> tuple[Outlet, Clean | None]:
        if not self._cancels(echo):
            return outlet, None
        canceller = EchoCanceller(outlet, webrtc_apm.WebrtcEchoProcessor(), clock_ms)
        return canceller, canceller.clean

    def _parts_for_one_more(self) -> Parts:
        try:
            if self._closed:
                raise Draining("the server is about to end; connect to another one", retry_after_ms=5_000)
            parts, places = self._parts(), self._settings().max_sessions
            if len(self) >= share_of(places, self._house):
                raise Full(
                    f"all {places} conversations this server holds at once are taken; try again later",
                    retry_after_ms=5_000,
                )
        except AntiphonError as error:
            self._metrics.refused(condition(error))
            raise
        return parts

    @contextmanager
    def _recorded(self, session_id: str, outlet: Outlet) -> Iterator[tuple[Outlet, Ear | None]]:
        settings = self._settings()
        if settings.record_dir is None:
            yield outlet, None
            return
        recording = self._recorder.record(outlet, settings.record_dir / session_id, settings.record_max_s)
        try:
            yield recording, recording.hear
        finally:
            recording.over = True

    @contextmanager
    def _logged(self, session: Session) -> Iterator[None]:
        began_ms = clock_ms()
        log.info("session begun", model=session.config.model, sessions=len(self))
        try:
            yield
        finally:
            reason = session.end_reason or "failed"
            self._metrics.session_ended(reason)
            seconds = (clock_ms() - began_ms) / 1000
            log.info("session ended", reason=reason, seconds=round(seconds, 1), **session.counts)

    def _count(self) -> dict[str, float]:
        """How many sessions are in each state, those in which none is included."""
        return {state.value: sum(session.state is state for session in self._sessions) for state in State}

    def preview(self, update: Mapping[str, Any]) -> SessionConfig:
        """What a session would be like; raises what `conversation` raises."""
        return self._config(self._parts(), "", update)

    def _config(self, parts: Parts, model: str, *updates: Mapping[str, Any]) -> SessionConfig:
        """What a session is like until its client says otherwise."""
        settings = self._settings()
        config = SessionConfig(model=model, instructions=settings.instructions)
        config.audio.output.voice = settings.voice
        for update in updates:
            try:
                config = config.updated({"type": "realtime", **update})
            except ValidationError as error:
                raise fault_of(error, config.merged(update), "session") from error
        if any(updates):
            check_voice(config.audio.output.voice_name, parts.voices(), self._session_settings())
        return config

    def _session_settings(self) -> SessionSettings:
        settings = self._settings()
        return SessionSettings(
            instructions=settings.instructions,
            voice=settings.voice,
            language=settings.language,
            temperature=settings.temperature,
            apology=settings.apology,
            context_tokens=settings.context_tokens,
            answer_tokens=settings.answer_tokens,
            lead_ms=settings.lead_ms,
            hold_mode=settings.hold_mode,
            speculate=settings.speculate,
            log_text=settings.log_text,
            limits=LimitSettings(
                idle_ms=round(settings.idle_s * 1000),
                duration_ms=round(settings.duration_s * 1000),
                turns=settings.turns,
            ),
            fallbacks=settings.fallbacks,
            aliases=self._aliases,
        )
