"""Server: a worker's sockets: the speech service with health and reflection, and the metrics."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry, start_http_server

from antiphon_core.errors import BadSettings
from antiphon_core.wire.rpc import CHANNEL_OPTIONS, SERVICE_NAME, add_servicer
from antiphon_core.wire.servicer import SpeechService, SpeechServicer

_STOP_GRACE_S = 0.5


class Server:
    """Has its port from the beginning, serves from `start` on, and is unhealthy until it is said to be healthy."""

    def __init__(self, host: str, port: int) -> None:
        # Two workers on one port would share its calls in silence.
        self._server = grpc.aio.server(options=[*CHANNEL_OPTIONS, ("grpc.so_reuseport", 0)])
        self._health = health.aio.HealthServicer()
        address = f"{host}:{port}"
        try:
            self.port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise BadSettings(
                f"cannot listen on {address}: the port is taken, or the host is not of this machine; choose another "
                "--port (0 picks a free one) or --host",
                subject="port",
            ) from error
        self.address = f"{host}:{self.port}"

    async def start(self, service: SpeechService) -> None:
        add_servicer(SpeechServicer(service), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        await self.set_healthy(False)
        await self._server.start()

    async def set_healthy(self, healthy: bool) -> None:
        status = health_pb2.HealthCheckResponse.SERVING if healthy else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", SERVICE_NAME):
            await self._health.set(service, status)

    async def stop(self) -> None:
        await self._server.stop(_STOP_GRACE_S)


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
