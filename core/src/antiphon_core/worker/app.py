"""App: a worker put together, from its settings to its last breath."""

from __future__ import annotations

import asyncio
import signal
import uuid
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import grpc
import psutil
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from antiphon_core.errors import BadSettings
from antiphon_core.models import AdapterSettings, ModelFiles
from antiphon_core.registry.base import Limits, Load, WorkerDescription
from antiphon_core.wire.rpc import CHANNEL_OPTIONS, SERVICE_NAME, add_servicer
from antiphon_core.wire.servicer import SpeechServicer
from antiphon_core.worker.admission import Admission
from antiphon_core.worker.loading import Loader
from antiphon_core.worker.plugins import Adapter
from antiphon_core.worker.residents import Residents
from antiphon_core.worker.service import Service
from antiphon_core.worker.settings import WorkerSettings
from antiphon_core.worker.tasks import Tasks
from antiphon_core.worker.utterances import Stage

log = structlog.get_logger(__name__)

EXIT_STALLED = 70
"""What a supervisor sees when the worker gives itself up."""
_SERVICES = ("", SERVICE_NAME)


class App:
    """One worker. `run` returns the process's exit status."""

    def __init__(self, settings: WorkerSettings, adapter: Adapter, files: ModelFiles) -> None:
        self._settings = settings
        self._adapter = adapter
        self._ending = asyncio.Event()
        self._exit_status = 0
        self._incarnation = uuid.uuid4().hex
        self._health = health.aio.HealthServicer()
        self._process = psutil.Process()
        adapter_settings = AdapterSettings(
            files=files,
            options=settings.options,
            model_dirs=settings.model_dirs,
            threads=settings.threads,
        )
        loader = Loader(adapter, adapter_settings, settings.device, settings.max_parallel_loads)
        self._residents = Residents(loader, lambda: self._settings.policy, frozenset(settings.models))
        self._admission = Admission(lambda: self._settings.places)
        self._tasks = Tasks(lambda task, error: self.end(EXIT_STALLED, f"{task} failed: {error}"))

    async def run(self) -> int:
        settings = self._settings
        await self._residents.list_models()
        default_model = settings.models[0] if settings.models else next(iter(self._residents.models))
        server, port = self._server()
        name = settings.named(port)
        stage = Stage(
            name,
            default_model,
            self._residents,
            self._admission,
            lambda: self._settings.utterance_limits,
            self._stalled,
        )
        self._service = Service(stage, lambda: self._describe(name, default_model))
        add_servicer(SpeechServicer(self._service), server)
        await self._set_health(serving=False)
        self._handle_signals()
        await server.start()
        log.info("listening", worker=name, address=f"{settings.host}:{port}", adapter=self._adapter.name)
        try:
            for model_id in dict.fromkeys((default_model, *settings.models)):
                (await self._residents.lease(model_id)).release()
            self._tasks.start(self._residents.run(), "residents")
            await self._set_health(serving=True)
            log.info("ready", worker=name, address=f"{settings.host}:{port}")
            await self._ending.wait()
            await self._drain()
        finally:
            await self._tasks.close()
            await server.stop(0.2)
            await self._residents.close()
        return self._exit_status

    def end(self, exit_status: int = 0, reason: str = "") -> None:
        """Begins to drain."""
        log.info("ending", reason=reason)
        self._exit_status = max(self._exit_status, exit_status)
        self._admission.close(reason)
        self._ending.set()

    def _server(self) -> tuple[grpc.aio.Server, int]:
        server = grpc.aio.server(options=[*CHANNEL_OPTIONS, ("grpc.so_reuseport", 0)])
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        address = f"{self._settings.host}:{self._settings.port}"
        try:
            port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise BadSettings(
                f"cannot listen on {address}; is another worker there? Choose another --port, or 0 for a free one",
                subject="port",
            ) from error
        return server, port

    async def _set_health(self, *, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in _SERVICES:
            await self._health.set(service, status)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end, 0, signal.Signals(number).name)

    async def _drain(self) -> None:
        await self._health.enter_graceful_shutdown()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._service.quiet(), self._settings.drain_s)

    def _stalled(self, model_id: str) -> None:
        self.end(EXIT_STALLED, f"the engine of model {model_id} hangs")

    def _describe(self, name: str, default_model: str) -> WorkerDescription:
        settings = self._settings
        return WorkerDescription(
            worker=name,
            adapter=self._adapter.name,
            core_version=_core_version(),
            adapter_version=self._adapter.version,
            device=settings.device,
            incarnation=self._incarnation,
            models=self._residents.statuses(),
            default_model=default_model,
            load=Load(
                in_flight=self._admission.in_flight,
                queued=self._admission.queued,
                rss_bytes=self._process.memory_info().rss,
                draining=self._ending.is_set(),
            ),
            limits=Limits(settings.max_in_flight, settings.max_queue, settings.max_text_bytes, settings.lead_ms),
        )


def _core_version() -> str:
    try:
        return version("antiphon-core")
    except PackageNotFoundError:
        return "unknown"
