"""Spans that go to an OpenTelemetry collector. The only file that imports opentelemetry: the extra `tracing`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode

from antiphon_core.spans import About, Headers, Span, Tracer

PREFIX = "antiphon."
_LAST_WORDS_S = 3.0


class OtelTracer(Tracer):
    """Sends spans in batches from a thread of its own; what a slow collector does not take is dropped."""

    def __init__(self, service: str, about: Mapping[str, str]) -> None:
        self._exporter = OTLPSpanExporter()
        self._provider = TracerProvider(resource=_resource(service, about), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("antiphon")

    def begin(
        self, name: str, at_ms: int | None = None, headers: Iterable[tuple[str, str]] = (), **about: About
    ) -> Span:
        context = propagate.extract(dict(headers), Context())
        # Kept for the whole trace, or a clock that is set would tear it apart.
        return OtelSpan(self._tracer, context, name, time.time_ns() - time.monotonic_ns(), None, at_ms, about)

    def close(self) -> None:
        ending = threading.Thread(target=self._provider.shutdown, name="send the last spans", daemon=True)
        ending.start()
        ending.join(_LAST_WORDS_S)
        if ending.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call]


class OtelSpan(Span):
    """One that is kept open until its last child has ended."""

    def __init__(
        self,
        tracer: trace.Tracer,
        context: Context,
        name: str,
        offset_ns: int,
        parent: OtelSpan | None,
        at_ms: int | None,
        about: Mapping[str, About],
    ) -> None:
        self._tracer = tracer
        self._offset_ns = offset_ns
        self._parent = parent
        self._open = 1
        self._end_ns = 0
        self._ended = False
        self._is_held = parent is not None and parent._open > 0
        if parent is not None and self._is_held:
            parent._open += 1
        self._span = tracer.start_span(name, context, attributes=_attributes(about), start_time=self._ns(at_ms))
        self._context = trace.set_span_in_context(self._span, context)

    @property
    def trace_id(self) -> str:
        return trace.format_trace_id(self._span.get_span_context().trace_id)

    def child(self, name: str, at_ms: int | None = None, **about: About) -> Span:
        return OtelSpan(self._tracer, self._context, name, self._offset_ns, self, at_ms, about)

    def set(self, **about: About) -> None:
        self._span.set_attributes(_attributes(about))

    def event(self, name: str, **about: About) -> None:
        self._span.add_event(name, _attributes(about), self._ns(None))

    def end(self, failure: str = "", at_ms: int | None = None) -> None:
        if self._ended:
            return
        self._ended = True
        if failure:
            self._span.set_status(Status(StatusCode.ERROR, failure))
        self._let_go(self._ns(at_ms))

    def headers(self) -> Headers:
        carrier: dict[str, str] = {}
        propagate.inject(carrier, self._context)
        return tuple(carrier.items())

    def _let_go(self, at_ns: int) -> None:
        self._end_ns = max(self._end_ns, at_ns)
        self._open -= 1
        if not self._open:
            self._span.end(self._end_ns)
            if self._parent is not None and self._is_held:
                self._parent._let_go(self._end_ns)

    def _ns(self, at_ms: int | None) -> int:
        return self._offset_ns + (time.monotonic_ns() if at_ms is None else at_ms * 1_000_000)


def _attributes(about: Mapping[str, About]) -> dict[str, About]:
    return {PREFIX + name: value for name, value in about.items()}


def _resource(service: str, about: Mapping[str, str]) -> Resource:
    """What the variables say wins."""
    said = Resource.create()
    if str(said.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        said = said.merge(Resource({SERVICE_NAME: service}))
    return Resource(dict(about)).merge(said)
