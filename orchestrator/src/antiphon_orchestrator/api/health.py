"""/, /livez, /readyz, /health and /metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from antiphon_orchestrator.processes.house import House, Report

_WELCOME = """\
Antiphon is running.

  ws://{host}/v1/realtime              the Realtime protocol of OpenAI
  http://{host}/v1/audio/speech        a text spoken
  http://{host}/v1/audio/transcriptions  a recording written down
  http://{host}/v1/models, /v1/voices  what there is to speak with
  http://{host}/v1/workers             what speaks, and how busy it is
  http://{host}/health, /metrics       how it is
"""


_OF_EACH = ("process", "pid", "missing", "sessions", "places")


class Health:
    """Of all processes of a house. `report` is how this one is: its `missing` names what there is not; empty: ready."""

    def __init__(self, house: House, report: Callable[[], Report], exposition: Callable[[], str]) -> None:
        self._house = house
        self._report = report
        self._exposition = exposition

    async def welcome(self, request: Request) -> Response:
        """Where things are, for whoever opens the address."""
        return PlainTextResponse(_WELCOME.format(host=request.headers.get("host", "")))

    async def live(self, _: Request) -> Response:
        """The process answers."""
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        """Conversations can be held, if only by one of several processes."""
        missing = _missing(await self._reports())
        if missing:
            return PlainTextResponse(f"not ready: {', '.join(missing)}\n", status_code=503)
        return PlainTextResponse("ok\n")

    async def health(self, _: Request) -> Response:
        """The same with details; 200 in any case, for people and dashboards."""
        reports = await self._reports()
        missing = _missing(reports)
        each = [{name: report[name] for name in _OF_EACH} for report in reports]
        sums = {name: sum(report[name] for report in reports) for name in ("sessions", "places")}
        status = "starting" if missing else "ok"
        return JSONResponse({"status": status, **self._report(), "missing": missing, **sums, "processes": each})

    async def metrics(self, _: Request) -> Response:
        """Prometheus."""
        return Response(await self._house.metrics(self._exposition), media_type=CONTENT_TYPE_LATEST)

    async def _reports(self) -> Sequence[Report]:
        """At least one: our own."""
        return await self._house.reports(self._report) or [self._report()]


def _missing(reports: Sequence[Report]) -> list[str]:
    """What keeps all of them from being ready; nothing, if one is."""
    missing: list[list[str]] = [report["missing"] for report in reports]
    return [] if not all(missing) else missing[0]
