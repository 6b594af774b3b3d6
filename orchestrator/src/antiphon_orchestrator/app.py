"""The server put together: settings in, an ASGI application out. The only place that knows all parts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import structlog
from antiphon_core.errors import AntiphonError, Full
from antiphon_core.registry.base import Fleet
from antiphon_core.registry.urls import fleet_for
from antiphon_core.store import StoreFiles
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from antiphon_orchestrator.aliases import (
    DEFAULT_MINDS,
    DEFAULT_RECOGNISERS,
    DEFAULT_SPEECH_MODELS,
    DEFAULT_VOICES,
    Aliases,
)
from antiphon_orchestrator.api.catalog import Catalog
from antiphon_orchestrator.api.gate import Gate, GateSettings
from antiphon_orchestrator.api.health import Health
from antiphon_orchestrator.api.http_errors import answer_condition
from antiphon_orchestrator.api.realtime.websocket import RealtimeSocket
from antiphon_orchestrator.api.speech import SpeechEndpoint
from antiphon_orchestrator.api.transcriptions import TranscriptionEndpoint
from antiphon_orchestrator.providers import Ears, Mind, load_ears, load_mind
from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.session.outlet import Outlet
from antiphon_orchestrator.session.parts import Parts, SessionSettings
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.session.session import Session
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.speech.client import SpeechClient
from antiphon_orchestrator.speech.fleet_speech import FleetSpeech
from antiphon_orchestrator.turn.limits import LimitSettings

log = structlog.get_logger(__name__)


def clock_ms() -> int:
    """Milliseconds that only grow."""
    return time.monotonic_ns() // 1_000_000


class Server:
    """One process. `app` is what an ASGI server runs; it loads while it already answers /livez."""

    def __init__(self, settings: ServerSettings, files: StoreFiles) -> None:
        self.settings = settings
        self._files = files
        self._fleet: Fleet = fleet_for(settings.registry)
        self._client = SpeechClient()
        self._speech = FleetSpeech(self._fleet, self._client)
        self._catalog = Catalog(self._fleet)
        self._aliases = Aliases(
            voices={**DEFAULT_VOICES, **settings.voice_aliases},
            speech_models={**DEFAULT_SPEECH_MODELS, **settings.speech_aliases},
            recognisers={**DEFAULT_RECOGNISERS, **settings.recogniser_aliases},
            minds={**DEFAULT_MINDS, **settings.mind_aliases},
        )
        self._ears: Ears | None = None
        self._mind: Mind | None = None
        self._failed: str = ""
        self.sessions: set[Session] = set()
        self._changed = asyncio.Event()
        self._fleet.subscribe(self._changed.set)
        self.app = self._starlette()

    def _starlette(self) -> Starlette:
        settings = self.settings
        health = Health(self.missing, self._report)
        socket = RealtimeSocket(self, settings.max_unread_bytes)
        speech = SpeechEndpoint(self._speech, self._aliases, max_text_chars=settings.max_text_chars)
        transcriptions = TranscriptionEndpoint(
            self.ears, self._aliases, settings.recogniser, max_upload_bytes=settings.max_upload_bytes
        )
        gate = GateSettings(
            settings.api_keys, settings.origins, loopback_only=settings.is_loopback and not settings.open_to_all
        )
        return Starlette(
            routes=[
                WebSocketRoute("/v1/realtime", socket.serve),
                Route("/v1/audio/speech", speech.answer, methods=["POST"]),
                Route("/v1/audio/transcriptions", transcriptions.answer, methods=["POST"]),
                Route("/v1/models", self._catalog.list_models),
                Route("/v1/voices", self._catalog.list_voices),
                Route("/", health.welcome),
                Route("/livez", health.live),
                Route("/readyz", health.ready),
                Route("/health", health.health),
                Route("/metrics", health.metrics),
            ],
            middleware=[Middleware(Gate, settings=gate)],
            exception_handlers={AntiphonError: answer_condition, Refusal: answer_condition},
            lifespan=self._life,
        )

    # ------------------------------------------------------------------------- life

    @asynccontextmanager
    async def _life(self, _: Starlette) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._fleet.run()), tasks.create_task(self._load())]
            try:
                yield
            finally:
                for session in tuple(self.sessions):
                    session.hang_up()
                for task in running:
                    task.cancel()
                await self._close_parts()

    async def _close_parts(self) -> None:
        await self._client.close()
        for part in (self._ears, self._mind):
            if part is not None:
                await part.aclose()

    async def _load(self) -> None:
        try:
            ears = asyncio.to_thread(load_ears, self.settings, self._files)
            mind = asyncio.to_thread(load_mind, self.settings, self._files)
            self._ears, self._mind = await asyncio.gather(ears, mind)
        except AntiphonError as error:
            self._failed = error.message
            log.error("cannot load", reason=error.message)
            return
        self._changed.set()
        log.info("ears and mind loaded", recogniser=self.settings.recogniser, mind=self.settings.mind)

    def missing(self) -> list[str]:
        """What there is not yet, for /readyz."""
        missing = [] if self._mind is not None else [self._failed or "ears and mind (loading)"]
        if not self._fleet.workers():
            missing.append(f"a speech worker at {self.settings.registry}")
        return missing

    async def complete(self) -> None:
        """Returns once conversations can be held."""
        while self.missing():
            self._changed.clear()
            await self._changed.wait()

    def _report(self) -> dict[str, Any]:
        return {
            "sessions": len(self.sessions),
            "workers": [record.description.worker for record in self._fleet.workers()],
            "recogniser": self.settings.recogniser,
            "mind": self.settings.mind,
        }

    # --------------------------------------------------------------------- sessions

    def ears(self) -> Ears:
        """What listens; a condition while it is still loading."""
        if self._ears is None:
            raise Full(f"the server is still loading: {', '.join(self.missing())}", retry_after_ms=2_000)
        return self._ears

    def check_room(self) -> None:
        """Raises if no further conversation can be held."""
        self.ears()
        if len(self.sessions) >= self.settings.max_sessions:
            raise Full(
                f"all {self.settings.max_sessions} conversations this server holds at once are taken; try again later",
                retry_after_ms=5_000,
            )

    def new_config(self, model: str) -> SessionConfig:
        """What a session is like until its client says otherwise."""
        config = SessionConfig(model=model, instructions=self.settings.instructions)
        config.audio.output.voice = self.settings.voice
        return config

    @contextmanager
    def session(self, config: SessionConfig, outlet: Outlet) -> Iterator[Session]:
        """A conversation, counted as long as it is held."""
        ears, mind = self.ears(), self._mind
        assert mind is not None
        parts = Parts(ears.new_vad, ears.turn_detector, ears.asr, mind.llm, self._speech, self._catalog.voices)
        session = Session(parts, self._session_settings(), config, outlet, clock_ms)
        self.sessions.add(session)
        try:
            yield session
        finally:
            self.sessions.discard(session)

    def _session_settings(self) -> SessionSettings:
        settings = self.settings
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
            limits=LimitSettings(
                idle_ms=round(settings.idle_s * 1000),
                duration_ms=round(settings.duration_s * 1000),
                turns=settings.turns,
            ),
            aliases=self._aliases,
        )
