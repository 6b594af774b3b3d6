"""The server put together: settings in, an ASGI application out. The only place that knows all parts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog
from antiphon_core.errors import AntiphonError, Full
from antiphon_core.expiry import ExpiryWatch
from antiphon_core.live import LiveSettings
from antiphon_core.logs import set_log_level
from antiphon_core.registry.redis_url import without_secrets
from antiphon_core.tracing import tracer_for
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, WebSocketRoute

from antiphon_orchestrator.aliases import (
    DEFAULT_MINDS,
    DEFAULT_RECOGNISERS,
    DEFAULT_SPEECH_MODELS,
    DEFAULT_VOICES,
    Aliases,
)
from antiphon_orchestrator.api.catalog import Catalog
from antiphon_orchestrator.api.client_secrets import ClientSecrets
from antiphon_orchestrator.api.gate import Gate, GateSettings
from antiphon_orchestrator.api.health import Health
from antiphon_orchestrator.api.http_errors import answer_bug, answer_condition, answer_status
from antiphon_orchestrator.api.page import Page
from antiphon_orchestrator.api.public_tls import PublicCertificate
from antiphon_orchestrator.api.realtime.webrtc import Calls
from antiphon_orchestrator.api.realtime.websocket import RealtimeSocket
from antiphon_orchestrator.api.request_ids import REQUEST_ID, RequestIds
from antiphon_orchestrator.api.speech import SpeechEndpoint
from antiphon_orchestrator.api.transcriptions import TranscriptionEndpoint
from antiphon_orchestrator.api.uploads import UploadLimits
from antiphon_orchestrator.conversations import Conversations, clock_ms
from antiphon_orchestrator.keeping.choice import keep_for
from antiphon_orchestrator.metrics import Metrics
from antiphon_orchestrator.ports import VoiceChoice
from antiphon_orchestrator.processes.house import Alone, House, Report, share_of
from antiphon_orchestrator.providers import Ears, Mind, Providers, providers_for
from antiphon_orchestrator.recording import Recorder
from antiphon_orchestrator.session.parts import Parts
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.speech.apology import RecordedApology

log = structlog.get_logger(__name__)


class Server:
    """One process. `app` is what an ASGI server runs; it loads while it already answers /livez."""

    def __init__(
        self, live: LiveSettings[ServerSettings], providers: Providers | None = None, house: House | None = None
    ) -> None:
        self._live = live
        self._house = house or Alone()
        self.metrics = Metrics()
        self._tracer = tracer_for("antiphon-orchestrator", {}, "antiphon-orchestrator")
        self._providers = providers or providers_for(live.now, self.metrics)
        self._fleet = self._providers.fleet
        self.certificate = PublicCertificate.of(live.now)
        ends = () if self.certificate is None else (self.certificate.ends,)
        self._expiry = ExpiryWatch(lambda: live.now.tls_warn_days, self._providers.certificate_ends, *ends)
        self._catalog = Catalog(self._fleet, self._providers.resting)
        self._apology = RecordedApology(
            self._fleet,
            self._providers.speech,
            live.now.speechless_apology,
            VoiceChoice(live.now.voice, live.now.language),
        )
        self._aliases = _aliases(live.now)
        self._ears: Ears | None = None
        self._mind: Mind | None = None
        self._failed = ""
        self._changed = asyncio.Event()
        self._fleet.subscribe(self._changed.set)
        self._recorder = Recorder(clock_ms)
        shared = keep_for(live.now.keep)
        self._keep = self._house.new_keep() if shared is None else shared
        self.conversations = Conversations(
            lambda: live.now, self._parts, self._aliases, self.metrics, self._recorder, self._keep, self._house
        )
        self.calls = Calls(self.conversations, lambda: live.now.doors, self._house)
        self._show_fleet()
        self.metrics.watch("tasks", "Tasks of the event loop", lambda: len(asyncio.all_tasks()))
        self.drain_until_ms = 0
        self.app = RequestIds(self._starlette())

    @property
    def settings(self) -> ServerSettings:
        """Those that count now."""
        return self._live.now

    def _starlette(self) -> Starlette:
        live, parts = self._live, self._providers
        health = Health(self._house, self.report, self.exposition)
        socket = RealtimeSocket(self.conversations)
        speech = SpeechEndpoint(
            parts.speech, self._aliases, lambda: live.now.max_text_chars, parts.idle_workers, self._tracer
        )
        transcriptions = TranscriptionEndpoint(
            self.ears,
            self._aliases,
            live.now.recogniser,
            lambda: UploadLimits(live.now.max_upload_bytes, live.now.max_upload_s),
        )
        secrets = ClientSecrets(self.conversations.preview, self._keep)
        gate = GateSettings(
            live.now.api_keys,
            live.now.origins,
            loopback_only=live.now.is_loopback and not live.now.open_to_all,
        )
        return Starlette(
            routes=[
                WebSocketRoute("/v1/realtime", socket.serve),
                Route("/v1/realtime/client_secrets", secrets.create, methods=["POST"]),
                Route("/v1/realtime/calls", self.calls.begin, methods=["POST"]),
                Route("/v1/realtime/calls/{call_id}/hangup", self.calls.hang_up, methods=["POST"]),
                Route("/v1/audio/speech", speech.answer, methods=["POST"]),
                Route("/v1/audio/transcriptions", transcriptions.answer, methods=["POST"]),
                Route("/v1/models", self._catalog.list_models),
                Route("/v1/voices", self._catalog.list_voices),
                Route("/v1/workers", self._catalog.list_workers),
                *Page(health.welcome).routes(),
                Route("/livez", health.live),
                Route("/readyz", health.ready),
                Route("/health", health.health),
                Route("/metrics", health.metrics),
            ],
            middleware=[
                # Before the gate: a browser's preflight carries no key.
                Middleware(
                    CORSMiddleware,
                    allow_origins=live.now.origins,
                    allow_methods=("GET", "POST"),
                    allow_headers=("*",),
                    expose_headers=("Location", "Retry-After", REQUEST_ID),
                ),
                Middleware(Gate, settings=gate, metrics=self.metrics, secrets=secrets, closing=lambda: self.draining),
            ],
            exception_handlers={
                AntiphonError: answer_condition,
                Refusal: answer_condition,
                HTTPException: answer_status,
                Exception: answer_bug,
            },
            lifespan=self._life,
        )

    def _show_fleet(self) -> None:
        for name, text, read in (
            ("session_places", "Conversations that may be held at once", self._places),
            ("workers", "Speech workers that are known", lambda: len(self._fleet.workers())),
            ("workers_resting", "Those of them that failed lately", lambda: len(self._providers.resting())),
            ("registry_up", "1 if the registry of workers could be read", lambda: self._fleet.reachable),
        ):
            self.metrics.watch(name, text, read)
        self.metrics.watch_each(
            "certificate_left_seconds", "How long what is in a file of TLS counts", "file", self._expiry.left_s
        )

    # ------------------------------------------------------------------------- life

    @asynccontextmanager
    async def _life(self, _: Starlette) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            work = (
                self._fleet.run(),
                self._load(),
                self._live.run(self._settings_changed),
                self._recorder.run(),
                self.calls.run(),
                self._apology.run(),
                self._expiry.run(),
                *(() if self.certificate is None else (self.certificate.run(),)),
            )
            running = [tasks.create_task(self._survived(part)) for part in work]
            try:
                yield
            finally:
                self.conversations.end()
                for task in running:
                    task.cancel()
                await self._close_parts()

    async def _survived(self, work: Coroutine[Any, Any, None]) -> None:
        """What fails in the background makes the server unready, and ends no conversation."""
        try:
            await work
        except Exception as error:
            self._failed = f"{type(error).__name__}: {error}"
            log.exception("failed in the background")

    async def _close_parts(self) -> None:
        await self._providers.close_speech()
        for part in (self._ears, self._mind):
            if part is not None:
                await part.aclose()
        await self._keep.aclose()
        await asyncio.to_thread(self._tracer.close)

    async def _load(self) -> None:
        ears = asyncio.to_thread(self._providers.load_ears)
        mind = asyncio.to_thread(self._providers.load_mind)
        try:
            self._ears, self._mind, _ = await asyncio.gather(ears, mind, self.conversations.prepare_all())
        except AntiphonError as error:
            self._failed = error.message
            log.error("cannot load", reason=error.message)
        else:
            log.info("ears and mind loaded", recogniser=self.settings.recogniser, mind=self.settings.mind)
            self._changed.set()

    def _settings_changed(self) -> None:
        set_log_level(self.settings.log_level)
        self._providers.follow(self.settings)

    def drain(self) -> None:
        """Takes nothing new from now on; turns and requests that are under way are finished within `drain_s`."""
        if not self.drain_until_ms:
            within_ms = round(self.settings.drain_s * 1000)
            self.drain_until_ms = clock_ms() + within_ms
            log.info("draining", sessions=len(self.conversations), within_s=self.settings.drain_s)
            self.conversations.end(within_ms)

    @property
    def draining(self) -> bool:
        """Whether it is about to end."""
        return self.drain_until_ms > 0

    def missing(self) -> list[str]:
        """What there is not yet or no more, for /readyz."""
        if self.draining:
            return ["a future: the server is about to end"]
        loading = [] if self._mind is not None else ["ears and mind (loading)"]
        missing = [self._failed] if self._failed else loading
        if not self._fleet.workers():
            missing.append(f"a speech worker at {without_secrets(self.settings.registry)}")
        return missing

    def absent(self, workers: Collection[str]) -> set[str]:
        """Those of these workers, by address, that nobody can speak through."""
        return set(workers) - {record.address for record in self._fleet.workers()}

    async def complete(self, workers: Collection[str] = ()) -> None:
        """Returns once conversations can be held, and with every one of these workers."""
        while self.missing() or self.absent(workers):
            self._changed.clear()
            await self._changed.wait()

    def exposition(self) -> str:
        """Its metrics, in Prometheus' text format."""
        return generate_latest(self.metrics.registry).decode()

    def _places(self) -> int:
        return share_of(self.settings.max_sessions, self._house)

    def report(self) -> Report:
        """How it is, for people."""
        return {
            "process": self._house.number,
            "pid": os.getpid(),
            "missing": self.missing(),
            "sessions": len(self.conversations),
            "places": self._places(),
            "workers": [record.description.worker for record in self._fleet.workers()],
            "recogniser": self.settings.recogniser,
            "mind": self.settings.mind,
        }

    # ------------------------------------------------------------------------ parts

    def ears(self) -> Ears:
        """What listens; a condition while it is still loading."""
        if self._ears is None:
            raise Full(f"the server is still loading: {', '.join(self.missing())}", retry_after_ms=2_000)
        return self._ears

    def _parts(self) -> Parts:
        ears, mind = self.ears(), self._mind
        assert mind is not None
        return Parts(
            ears.new_vad,
            ears.turn_detector,
            ears.asr,
            mind.llm,
            self._providers.speech,
            self._catalog.voices,
            self.metrics,
            self._providers.idle_workers,
            self._apology.frames,
            self._tracer,
        )


def _aliases(settings: ServerSettings) -> Aliases:
    return Aliases(
        voices={**DEFAULT_VOICES, **settings.voice_aliases},
        speech_models={**DEFAULT_SPEECH_MODELS, **settings.speech_aliases},
        recognisers={**DEFAULT_RECOGNISERS, **settings.recogniser_aliases},
        minds={**DEFAULT_MINDS, **settings.mind_aliases},
    )
