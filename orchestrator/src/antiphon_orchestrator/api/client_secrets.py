"""POST /v1/realtime/client_secrets: keys for browsers. They last for minutes, open sessions only, and say what those
are like, so that a page never holds a key of the server."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from antiphon_core.errors import Full
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from antiphon_orchestrator.api.http_errors import json_body
from antiphon_orchestrator.session.config import SessionConfig, Strict
from antiphon_orchestrator.session.ids import new_id

PREFIX = "ek_"
SCOPE_KEY = "antiphon.session"
"""Where the gate leaves a secret's session for whoever begins one."""
MAX_SECRETS = 1_000
"""Overflow: no more are given out until some have expired."""
_MAX_BODY_BYTES = 65_536

Preview = Callable[[Mapping[str, Any]], SessionConfig]
"""What a session would be like; raises a Refusal."""


class ExpiresAfter(Strict):
    """How long a secret lasts."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=10, le=7_200)] = 600


class SecretRequest(Strict):
    """What is asked for."""

    expires_after: ExpiresAfter = Field(default_factory=ExpiresAfter)
    session: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Secret:
    expires_at: float
    session: Mapping[str, Any]


class ClientSecrets:
    """Those of this process, in its memory: they open sessions here and nowhere else."""

    def __init__(self, preview: Preview, clock_s: Callable[[], float] = time.time) -> None:
        self._preview = preview
        self._clock_s = clock_s
        self._known: dict[str, _Secret] = {}

    async def create(self, request: Request) -> Response:
        """Gives one out."""
        wanted = await json_body(request, SecretRequest, _MAX_BODY_BYTES)
        session = self._preview(wanted.session)
        value, expires_at = self.issue(wanted.session, wanted.expires_after.seconds)
        resource = {"object": "realtime.session", "id": new_id("sess"), **session.model_dump(mode="json")}
        return JSONResponse({"value": value, "expires_at": int(expires_at), "session": resource})

    def issue(self, session: Mapping[str, Any], lasts_s: float) -> tuple[str, float]:
        """A new secret, and when it expires. Raises Full."""
        now_s = self._clock_s()
        self._known = {value: secret for value, secret in self._known.items() if secret.expires_at > now_s}
        if len(self._known) >= MAX_SECRETS:
            next_s = min(secret.expires_at for secret in self._known.values()) - now_s
            raise Full(
                f"{MAX_SECRETS} client secrets are valid, which is the most; let them expire sooner",
                retry_after_ms=round(next_s * 1000),
            )
        value = PREFIX + secrets.token_hex(24)
        self._known[value] = _Secret(now_s + lasts_s, session)
        return value, now_s + lasts_s

    def session_of(self, value: str) -> Mapping[str, Any] | None:
        """What a valid secret says; None for any other. To guess one is hopeless, however long a look-up takes."""
        secret = self._known.get(value)
        return secret.session if secret is not None and secret.expires_at > self._clock_s() else None
