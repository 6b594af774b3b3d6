"""POST /v1/realtime/client_secrets: keys for browsers. They last for minutes, open sessions only, and say what those
are like, so that a page never holds a key of the server."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from antiphon_core.errors import Full
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from antiphon_orchestrator.api.http_errors import json_body
from antiphon_orchestrator.keeping.base import Keep, hashed
from antiphon_orchestrator.session.config import SessionConfig, Strict
from antiphon_orchestrator.session.ids import new_id

PREFIX = "ek_"
SCOPE_KEY = "antiphon.session"
"""Where the gate leaves a secret's session for whoever begins one."""
OWNER_KEY = "antiphon.owner"
"""Where it leaves whose key was shown; a secret is its giver's."""
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
class Secret:
    """What a secret says: what its sessions are like, and who gave it out."""

    session: Mapping[str, Any]
    owner: str = ""


class ClientSecrets:
    """Those that this server gives out; whoever keeps them with it takes them, too."""

    def __init__(self, preview: Preview, keep: Keep, clock_s: Callable[[], float] = time.time) -> None:
        self._preview = preview
        self._keep = keep
        self._clock_s = clock_s
        self._expiring: list[float] = []

    async def create(self, request: Request) -> Response:
        """Gives one out."""
        wanted = await json_body(request, SecretRequest, _MAX_BODY_BYTES)
        session = self._preview(wanted.session)
        secret = Secret(wanted.session, request.scope.get(OWNER_KEY, ""))
        value, expires_at = await self.issue(secret, wanted.expires_after.seconds)
        resource = {"object": "realtime.session", "id": new_id("sess"), **session.model_dump(mode="json")}
        return JSONResponse({"value": value, "expires_at": int(expires_at), "session": resource})

    async def issue(self, secret: Secret, lasts_s: float) -> tuple[str, float]:
        """A new secret, and when it expires. Raises Full, or KeepGone."""
        now_s = self._clock_s()
        self._expiring = [expires_at for expires_at in self._expiring if expires_at > now_s]
        if len(self._expiring) >= MAX_SECRETS:
            next_s = min(self._expiring) - now_s
            raise Full(
                f"{MAX_SECRETS} client secrets are valid, which is the most; let them expire sooner",
                retry_after_ms=round(next_s * 1000),
            )
        value = PREFIX + secrets.token_hex(24)
        self._expiring.append(now_s + lasts_s)
        await self._keep.put(_key_of(value), "", json.dumps(asdict(secret)), lasts_s)
        return value, now_s + lasts_s

    async def secret(self, value: str) -> Secret | None:
        """What a valid secret says; None for any other. To guess one is hopeless, however long a look-up takes."""
        if not value.startswith(PREFIX):
            return None
        text = await self._keep.take(_key_of(value), "")
        return None if text is None else Secret(**json.loads(text))


def _key_of(value: str) -> str:
    return f"secret:{hashed(value)}"
