"""Server: a worker's sockets: the speech service with health and reflection, and the metrics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry, start_http_server

from antiphon_core.errors import BadSettings
from antiphon_core.spans import NO_TRACER, Tracer
from antiphon_core.tls import Certificates, server_credentials
from antiphon_core.wire.rpc import CHANNEL_OPTIONS, SERVICE_NAME, add_servicer
from antiphon_core.wire.servicer import SpeechService, SpeechServicer

_STOP_GRACE_S = 0.5
# Two workers on one port would share its calls in silence.
_OWN_PORT = ("grpc.so_reuseport", 0)
TRUST_S = 600.0
"""A connection over TLS is renewed after so long, so that whoever is trusted no more is out by then. Its calls may end
in peace."""


class Server:
    """Has its ports from the beginning, serves from `start` on, and is unhealthy until it is said to be healthy."""

    def __init__(
        self,
        host: str,
        port: int,
        certificates: Certificates | None = None,
        health_port: int | None = None,
    ) -> None:
        options = [*CHANNEL_OPTIONS, _OWN_PORT]
        if certificates is not None:
            options.append(("grpc.max_connection_age_ms", round(TRUST_S * 1000)))
        self._server = grpc.aio.server(options=options)
        self._health = health.aio.HealthServicer()
        add_port = self._server.add_insecure_port
        if certificates is not None:
            add_port = partial(self._server.add_secure_port, server_credentials=server_credentials(certificates))
        self.port = _bound(add_port, host, port, "port")
        self.address = f"{host}:{self.port}"
        self._health_server: grpc.aio.Server | None = None
        self.health_port = 0
        if health_port is not None:
            self._health_server = grpc.aio.server(options=[_OWN_PORT])
            self.health_port = _bound(self._health_server.add_insecure_port, host, health_port, "health_port")

    async def start(self, service: SpeechService, tracer: Tracer = NO_TRACER) -> None:
        add_servicer(SpeechServicer(service, tracer), self._server)
        names = (SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        await self.set_healthy(False)
        for server in self._servers():
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
            await server.start()

    async def set_healthy(self, healthy: bool) -> None:
        status = health_pb2.HealthCheckResponse.SERVING if healthy else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", SERVICE_NAME):
            await self._health.set(service, status)

    async def stop(self) -> None:
        for server in self._servers():
            await server.stop(_STOP_GRACE_S)

    def _servers(self) -> list[grpc.aio.Server]:
        return [self._server] if self._health_server is None else [self._server, self._health_server]


def _bound(add_port: Callable[[str], int], host: str, port: int, setting: str) -> int:
    """The port that it got."""
    try:
        return add_port(f"{host}:{port}")
    except RuntimeError as error:
        raise BadSettings(
            f"cannot listen on {host}:{port}: the port is taken, or the host is not of this machine; choose another "
            f"--{setting.replace('_', '-')} (0 picks a free one) or --host",
            subject=setting,
        ) from error


def serve_metrics(host: str, port: int, registry: CollectorRegistry) -> int:
    """Serves /metrics from a thread of its own; the port it got."""
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        raise BadSettings(
            f"cannot serve metrics on {host}:{port}: {error.strerror}; choose another --metrics-port",
            subject="metrics_port",
        ) from error
    return int(server.server_port)
