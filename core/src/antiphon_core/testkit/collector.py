"""An OpenTelemetry collector for tests: takes spans over HTTP as a real one does. Needs the extra `tracing`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

_ERROR = trace_pb2.Status.STATUS_CODE_ERROR


@dataclass(frozen=True, slots=True)
class Received:
    """A span, as the collector was told of it."""

    service: str
    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int
    about: dict[str, object]
    events: list[str]
    failure: str


@dataclass
class Collector:
    """Listens on a free port of this machine while its block runs. `delay_s`: how long it takes over each request."""

    delay_s: float = 0.0
    spans: list[Received] = field(default_factory=list)

    def __enter__(self) -> Collector:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def variables(self) -> dict[str, str]:
        """What a process that shall send here is started with; it sends at once."""
        address = f"http://127.0.0.1:{self._server.server_port}"
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "100"}

    def named(self, name: str) -> list[Received]:
        return [span for span in tuple(self.spans) if span.name == name]

    def children(self, parent: Received) -> list[Received]:
        """In the order in which they began."""
        found = [span for span in tuple(self.spans) if span.parent_id == parent.span_id]
        return sorted(found, key=lambda span: span.start_ns)

    def trace(self, trace_id: str) -> list[Received]:
        return sorted((span for span in tuple(self.spans) if span.trace_id == trace_id), key=lambda span: span.start_ns)

    def tree(self, root: Received) -> tuple[str, ...]:
        """Names of a span and of all below it, each with the names that it stands under."""
        return tuple(self._paths(root, root.name))

    def _paths(self, span: Received, path: str) -> Iterator[str]:
        yield path
        for child in self.children(span):
            yield from self._paths(child, f"{path}/{child.name}")

    def take(self, body: bytes) -> None:
        """One request's."""
        time.sleep(self.delay_s)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = str(_about(resource.resource.attributes)["service.name"])
            for scope in resource.scope_spans:
                self.spans.extend(_received(service, span) for span in scope.spans)


def _received(service: str, span: trace_pb2.Span) -> Received:
    return Received(
        service,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _about(span.attributes),
        [event.name for event in span.events],
        span.status.message if span.status.code == _ERROR else "",
    )


def _about(attributes: Iterable[KeyValue]) -> dict[str, object]:
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.take(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests do not want to read of it."""

    return Handler
