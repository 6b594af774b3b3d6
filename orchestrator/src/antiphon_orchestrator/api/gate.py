"""Who may come in: keys compared in constant time, origins and host names checked, before anything else sees a call."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from antiphon_core.errors import AntiphonError, Draining, condition
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from antiphon_orchestrator.api.client_secrets import OWNER_KEY, PREFIX, SCOPE_KEY, ClientSecrets
from antiphon_orchestrator.api.http_errors import HttpFault, response_of
from antiphon_orchestrator.keeping.base import KeepGone, hashed
from antiphon_orchestrator.metrics import Metrics

KEY_SUBPROTOCOL = "openai-insecure-api-key."
"""Browsers cannot set headers on a WebSocket; they send the key as a subprotocol with this prefix."""
_OWNER_CHARS = 8
"""Tells keys apart, and is too little to find one out by."""
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class GateSettings:
    """`keys` empty: no key is asked for. `loopback_only`: a name that is not this machine's is refused, so that a
    web page elsewhere cannot reach a private server through a host name that points here."""

    keys: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    loopback_only: bool = True
    open_paths: frozenset[str] = frozenset({"/livez", "/readyz", "/health"})
    open_prefixes: tuple[str, ...] = ("/static/",)


class Gate:
    """ASGI middleware; also counts who came and what became of it."""

    def __init__(
        self,
        app: ASGIApp,
        settings: GateSettings,
        metrics: Metrics,
        secrets: ClientSecrets,
        closing: Callable[[], bool] = lambda: False,
    ) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._secrets = secrets
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            refusal = await self._refusal(scope) or self._goodbye(scope["path"])
        except KeepGone as gone:
            refusal = gone
        if refusal is not None:
            self._metrics.refused(refusal.code if isinstance(refusal, HttpFault) else condition(refusal))
            await _refuse(refusal, scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            # Paths that nobody serves are the callers' invention, and there is no end of them.
            route = scope["path"] if "endpoint" in scope and scope["path"].startswith("/v1/") else "other"
            self._metrics.answered_request(route, status)

    async def _refusal(self, scope: Scope) -> HttpFault | AntiphonError | None:
        headers, path = Headers(scope=scope), scope["path"]
        if self._settings.loopback_only and _host_name(headers.get("host", "")) not in _LOOPBACK_NAMES:
            return HttpFault(403, "This server answers to localhost only.", code="host_not_allowed")
        origin = headers.get("origin")
        if origin is not None and not self._is_known(origin, headers.get("host", "")):
            return HttpFault(
                403, f"Pages of {origin} may not connect; add it to the server's origins.", code="origin_not_allowed"
            )
        if path == "/" or path in self._settings.open_paths or path.startswith(self._settings.open_prefixes):
            return None
        return await self._refusal_of_key(scope, _key(headers))

    async def _refusal_of_key(self, scope: Scope, key: str) -> HttpFault | None:
        secret = await self._secrets.secret(key) if _opens_sessions(scope["path"]) else None
        if secret is not None:
            scope[SCOPE_KEY], scope[OWNER_KEY] = secret.session, secret.owner
            return None
        if not self._settings.keys:
            return None
        if self._is_key(key):
            scope[OWNER_KEY] = hashed(key)[:_OWNER_CHARS]
            return None
        if key.startswith(PREFIX):
            return HttpFault(
                401,
                "This client secret has expired, is unknown, or is not for this path; "
                "POST /v1/realtime/client_secrets with an API key gives a new one.",
                code="invalid_client_secret",
            )
        return HttpFault(
            401, "A valid API key is needed: send it as 'Authorization: Bearer KEY'.", code="invalid_api_key"
        )

    def _goodbye(self, path: str) -> AntiphonError | None:
        """What is begun now would be cut short."""
        if self._closing() and _begins_work(path):
            return Draining("the server is about to end; ask again: another one answers", retry_after_ms=1_000)
        return None

    def _is_known(self, origin: str, host: str) -> bool:
        if "*" in self._settings.origins or origin in self._settings.origins:
            return True
        return urlsplit(origin).netloc == host

    def _is_key(self, given: str) -> bool:
        # Every key is compared, so that the time taken tells nothing. Headers are bytes, read as Latin 1.
        found = [hmac.compare_digest(given.encode("latin-1"), key.encode()) for key in self._settings.keys]
        return any(found)


async def _refuse(refusal: HttpFault | AntiphonError, scope: Scope, receive: Receive, send: Send) -> None:
    response = response_of(refusal)
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(scope, receive, send)


def _key(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    offered = (name.strip() for name in headers.get("sec-websocket-protocol", "").split(","))
    return next((name.removeprefix(KEY_SUBPROTOCOL) for name in offered if name.startswith(KEY_SUBPROTOCOL)), "")


def _opens_sessions(path: str) -> bool:
    return path in ("/v1/realtime", "/v1/realtime/calls") or path.startswith("/v1/realtime/calls/")


def _begins_work(path: str) -> bool:
    return path.startswith(("/v1/realtime", "/v1/audio/")) and not path.endswith("/hangup")


def _host_name(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""
