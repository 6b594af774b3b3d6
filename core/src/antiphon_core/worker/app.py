"""App: a worker put together, from its settings to its last breath."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Coroutine
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import psutil
import structlog

from antiphon_core.expiry import ExpiryWatch
from antiphon_core.garbage import spare_what_is_loaded
from antiphon_core.live import LiveSettings
from antiphon_core.logs import set_log_level
from antiphon_core.registry.base import Limits, Load, WorkerDescription
from antiphon_core.registry.urls import announcer_for
from antiphon_core.tasks import Tasks
from antiphon_core.tls import Certificates
from antiphon_core.tracing import tracer_for
from antiphon_core.worker.admission import Admission
from antiphon_core.worker.loading import Loader
from antiphon_core.worker.metrics import Metrics
from antiphon_core.worker.plugins import Adapter
from antiphon_core.worker.report import Report
from antiphon_core.worker.residents import Residents
from antiphon_core.worker.server import Server, serve_metrics
from antiphon_core.worker.service import Service
from antiphon_core.worker.settings import WorkerSettings
from antiphon_core.worker.utterances import Stage
from antiphon_core.worker.voices import known_model

log = structlog.get_logger(__name__)

EXIT_STALLED = 70
"""What a supervisor sees when the worker gives itself up."""


class App:
    """One worker. Put together inside a running event loop."""

    def __init__(self, live: LiveSettings[WorkerSettings], adapter: Adapter, loader: Loader) -> None:
        settings = live.now
        self._live = live
        self._adapter = adapter
        self._metrics = Metrics()
        self._residents = Residents(
            loader,
            policy=lambda: live.now.policy,
            metrics=self._metrics,
            stalled=self._stalled,
            pinned=frozenset(settings.models),
        )
        self._admission = Admission(lambda: live.now.places)
        self._announcer = announcer_for(settings.registry, tls=settings.tls_files is not None)
        certificates = Certificates(settings.tls_files) if settings.tls_files else None
        ends = () if certificates is None else (certificates.ends,)
        self._expiry = ExpiryWatch(lambda: live.now.tls_warn_days, *ends)
        self._server = Server(settings.host, settings.port, certificates, settings.health_port)
        self._name = settings.named(self._server.port)
        about = {"service.instance.id": self._name, "antiphon.adapter": adapter.name}
        self._tracer = tracer_for("antiphon-worker", about, "antiphon-core")
        self._default_model = ""
        self._incarnation = uuid.uuid4().hex
        self._core_version = version("antiphon-core")
        self._process = psutil.Process()
        self.ready = asyncio.Event()
        self._ending = asyncio.Event()
        self._hurry = asyncio.Event()
        self._exit_status = 0
        self.clean = False
        """Whether no engine was still running when `run` returned."""
        self._tasks = Tasks(lambda task, error: self.end(f"{task} failed: {error!r}", EXIT_STALLED))

    @property
    def address(self) -> str:
        """Where it listens."""
        return self._server.address

    async def run(self) -> int:
        """Serves until a signal or a stalled engine ends it; the process's exit status."""
        models = await self._first_models()
        stage = Stage(
            worker=self._name,
            default_model=self._default_model,
            residents=self._residents,
            admission=self._admission,
            limits=lambda: self._live.now.utterance_limits,
            stalled=self._stalled,
        )
        service = Service(stage, self._describe, self._utterance_ended)
        self._serve_metrics()
        await self._server.start(service, self._tracer)
        log.info(
            "listening",
            worker=self._name,
            address=self._server.address,
            adapter=self._adapter.name,
            tls=self._live.now.tls_files is not None,
            health_port=self._server.health_port or None,
        )
        try:
            await self._unless_ending(self._load(models))
            await self._unless_ending(self._serve(models))
            await self._drain(service)
        finally:
            await self._tasks.close()
            await self._server.stop()
            self.clean = await self._residents.close()
            await asyncio.to_thread(self._tracer.close)
        return self._exit_status

    def end(self, reason: str, exit_status: int = 0) -> None:
        """Takes no more utterances; those that run may finish."""
        log.info("ending", reason=reason)
        self._exit_status = max(self._exit_status, exit_status)
        self._admission.close(reason)
        self._ending.set()

    def signalled(self, name: str) -> None:
        """The first signal begins the end, another one does not wait for what still runs."""
        if self._ending.is_set():
            self._hurry.set()
        self.end(name)

    async def _first_models(self) -> list[str]:
        await self._residents.list_models()
        asked = [known_model(model_id, self._residents.models).id for model_id in self._live.now.models]
        models = asked or [next(iter(self._residents.models))]
        self._default_model = models[0]
        return models

    async def _load(self, models: list[str]) -> None:
        for model_id in models:
            (await self._residents.lease(model_id)).release()
        spare_what_is_loaded()

    async def _serve(self, models: list[str]) -> None:
        self._tasks.start(self._residents.run(), "residents")
        self._tasks.start(self._live.run(self._settings_changed), "live settings")
        self._tasks.start(self._expiry.run(), "expiry")
        address = self._live.now.address(self._server.port)
        self._tasks.start(self._announcer.run(address, self._describe), "announcer")
        await self._server.set_healthy(True)
        self.ready.set()
        log.info("ready", worker=self._name, address=self._server.address, models=models)
        await self._ending.wait()

    async def _unless_ending(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait({task, ending}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            task.cancel()
            ending.cancel()
            await asyncio.gather(task, ending, return_exceptions=True)

    async def _drain(self, service: Service) -> None:
        await self._server.set_healthy(False)
        quiet = asyncio.ensure_future(service.quiet())
        hurry = asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait({quiet, hurry}, timeout=self._live.now.drain_s, return_when=asyncio.FIRST_COMPLETED)
        quiet.cancel()
        hurry.cancel()

    def _serve_metrics(self) -> None:
        loop = asyncio.get_running_loop()
        for name, text, read in (
            ("in_flight", "Utterances that hold a place", lambda: self._admission.in_flight),
            ("queued", "Utterances that wait for a place", lambda: self._admission.queued),
            ("resident_models", "Models in memory", lambda: len(self._residents.tenants())),
            (
                "resident_bytes",
                "What models in memory take, as their adapters estimate it",
                lambda: sum(tenant.size_bytes for tenant in self._residents.tenants()),
            ),
            ("threads", "Threads of the process", threading.active_count),
            ("tasks", "Tasks of the event loop", lambda: len(asyncio.all_tasks(loop))),
            ("draining", "1 while no more utterances are taken", self._ending.is_set),
        ):
            self._metrics.watch(name, text, read)
        self._metrics.watch_each(
            "certificate_left_seconds", "How long what is in a file of TLS counts", "file", self._expiry.left_s
        )
        settings = self._live.now
        if settings.metrics_port is not None:
            port = serve_metrics(settings.host, settings.metrics_port, self._metrics.registry)
            log.info("metrics", address=f"{settings.host}:{port}")

    def _stalled(self, model_id: str) -> None:
        """A thread that hangs in an engine cannot be freed: only another process can take over."""
        reason = f"the engine of model {model_id} hangs"
        if self._live.now.exit_on_stall:
            self.end(reason, EXIT_STALLED)
        else:
            log.error("unhealthy", reason=reason)
            self._admission.close(reason)
            self._tasks.start(self._server.set_healthy(False), "health")

    def _settings_changed(self) -> None:
        set_log_level(self._live.now.log_level)
        self._admission.serve()
        self._residents.sweep()

    def _utterance_ended(self, report: Report) -> None:
        self._metrics.utterance_ended(report)
        fields = {key: round(value, 1) if isinstance(value, float) else value for key, value in asdict(report).items()}
        log.info("utterance", **fields)

    def _describe(self) -> WorkerDescription:
        settings = self._live.now
        return WorkerDescription(
            worker=self._name,
            adapter=self._adapter.name,
            core_version=self._core_version,
            adapter_version=self._adapter.version,
            device=settings.device,
            incarnation=self._incarnation,
            models=self._residents.statuses(),
            default_model=self._default_model,
            load=Load(
                in_flight=self._admission.in_flight,
                queued=self._admission.queued,
                rss_bytes=self._process.memory_info().rss,
                first_audio_p50_ms=self._metrics.first_audio_p50_ms,
                rtf_p50=self._metrics.rtf_p50,
                draining=self._ending.is_set(),
            ),
            limits=Limits(settings.max_in_flight, settings.max_queue, settings.max_text_bytes, settings.lead_ms),
        )
