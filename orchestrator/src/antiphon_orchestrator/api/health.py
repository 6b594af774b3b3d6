"""/, /livez, /readyz, /health and /metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

_WELCOME = """\
Antiphon is running.

  ws://{host}/v1/realtime              the Realtime protocol of OpenAI
  http://{host}/v1/audio/speech        a text spoken
  http://{host}/v1/audio/transcriptions  a recording written down
  http://{host}/v1/models, /v1/voices  what there is to speak with
  http://{host}/v1/workers             what speaks, and how busy it is
  http://{host}/health, /metrics       how it is
"""

Report = Callable[[], dict[str, Any]]


class Health:
    """`missing` names what is not there yet; empty: ready. `report` is what /health adds for people."""

    def __init__(self, missing: Callable[[], list[str]], report: Report, registry: CollectorRegistry) -> None:
        self._missing = missing
        self._report = report
        self._registry = registry

    async def welcome(self, request: Request) -> Response:
        """Where things are, for whoever opens the address."""
        return PlainTextResponse(_WELCOME.format(host=request.headers.get("host", "")))

    async def live(self, _: Request) -> Response:
        """The process answers."""
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        """Conversations can be held."""
        missing = self._missing()
        if missing:
            return PlainTextResponse(f"not ready: {', '.join(missing)}\n", status_code=503)
        return PlainTextResponse("ok\n")

    async def health(self, _: Request) -> Response:
        """The same with details; 200 in any case, for people and dashboards."""
        missing = self._missing()
        return JSONResponse({"status": "starting" if missing else "ok", "missing": missing, **self._report()})

    async def metrics(self, _: Request) -> Response:
        """Prometheus."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)
