"""Whether this process is traced, and where to, as the standard variables OTEL_* say."""

from __future__ import annotations

import os
from collections.abc import Mapping

import structlog

from antiphon_core.spans import NO_TRACER, Tracer

log = structlog.get_logger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"


def tracer_for(service: str, about: Mapping[str, str], package: str) -> Tracer:
    """One that sends, where that is wanted and the extra `tracing` of `package` is installed.

    Nothing of OpenTelemetry is imported before. `about` is what the service's resource says of it.
    """
    if not is_wanted(os.environ):
        return NO_TRACER
    protocol = next((os.environ[name] for name in _PROTOCOLS if os.environ.get(name)), _SPOKEN)
    if protocol != _SPOKEN:
        log.warning(f"traces are sent as {_SPOKEN}, not as {protocol}; give a port that takes it, such as 4318")
    try:
        from antiphon_core.otel import OtelTracer
    except ImportError as error:
        log.warning(f"nothing is traced: {error}; install the extra: pip install '{package}[tracing]'")
        return NO_TRACER
    return OtelTracer(service, about)


def is_wanted(variables: Mapping[str, str]) -> bool:
    """An endpoint is named, or the exporter by name; unless all of it is switched off."""
    if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporters = variables.get("OTEL_TRACES_EXPORTER", "").replace(" ", "")
    if exporters:
        return "otlp" in exporters.split(",")
    return any(variables.get(name, "").strip() for name in _ENDPOINTS)
