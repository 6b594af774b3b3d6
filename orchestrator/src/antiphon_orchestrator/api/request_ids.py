"""A name for every request: the client's own or a fresh one, told in the answer and in every line of the log."""

from __future__ import annotations

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from antiphon_orchestrator.session.ids import new_id

log = structlog.get_logger(__name__)

REQUEST_ID = "x-request-id"
_SANE = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
"""What a client sends goes into our log: nothing that is long, or could be taken for something else."""
_LOGGED = "/v1/"
_FIRST = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class RequestIds:
    """ASGI, around everything else, so that answers to bugs of ours have one, too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id, begin, status = _id_of(Headers(scope=scope)), time.monotonic(), None

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] in _FIRST:
                status = message.get("status")
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        # Bound to the task of this request, and left so: the web server logs what went wrong after we have ended.
        bind_contextvars(request=request_id)
        try:
            await self._app(scope, receive, named)
        finally:
            if scope["type"] == "http" and scope["path"].startswith(_LOGGED):
                ms = round((time.monotonic() - begin) * 1000)
                log.info("answered", method=scope["method"], path=scope["path"], status=status, ms=ms)


def _id_of(headers: Headers) -> str:
    given = headers.get(REQUEST_ID, "")
    return given if _SANE.fullmatch(given) else new_id("req")
