"""Keys for browsers: what they open, what they say about a session, and when they end."""

from __future__ import annotations

from typing import Any

import pytest
from antiphon_core.errors import Full
from antiphon_orchestrator.api.client_secrets import MAX_SECRETS, ClientSecrets, Secret
from antiphon_orchestrator.keeping.in_memory import InMemory
from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.testing.server import Serving, serving
from openai.types.realtime import ClientSecretCreateResponse
from websockets.exceptions import InvalidStatus

PATH = "/v1/realtime/client_secrets"
KEY = {"Authorization": "Bearer server-key"}


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def some_secrets(clock: Clock) -> ClientSecrets:
    return ClientSecrets(lambda _: SessionConfig(), InMemory(clock), clock)


async def test_a_secret_is_valid_until_it_expires() -> None:
    clock = Clock()
    secrets = some_secrets(clock)
    value, expires_at = await secrets.issue(Secret({"instructions": "Be brief."}, "somebody"), 60)
    assert expires_at == 1_060
    assert await secrets.secret(value) == Secret({"instructions": "Be brief."}, "somebody")
    clock.now_s = expires_at
    assert await secrets.secret(value) is None


async def test_a_secret_opens_sessions_of_every_server_that_keeps_it_too() -> None:
    keep = InMemory()
    one, other = (ClientSecrets(lambda _: SessionConfig(), keep) for _ in range(2))
    value, _ = await one.issue(Secret({}), 60)
    assert await other.secret(value) == Secret({})


async def test_expired_secrets_make_room_for_new_ones() -> None:
    clock = Clock()
    secrets = some_secrets(clock)
    for _ in range(MAX_SECRETS):
        await secrets.issue(Secret({}), 60)
    with pytest.raises(Full) as full:
        await secrets.issue(Secret({}), 60)
    assert full.value.retry_after_ms == 60_000
    clock.now_s += 60
    assert await secrets.issue(Secret({}), 60)


async def secret_of(server: Serving, **wanted: Any) -> dict[str, Any]:
    answer = await server.http.post(PATH, json=wanted, headers=KEY)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.integration
async def test_a_secret_opens_a_session_that_is_as_it_says() -> None:
    async with serving(api_keys="server-key") as server:
        secret = await secret_of(server, session={"type": "realtime", "instructions": "Be brief."})
        ClientSecretCreateResponse.model_validate(secret)
        async with server.call(subprotocols=["realtime", f"openai-insecure-api-key.{secret['value']}"]) as call:
            assert call.told[0]["session"]["instructions"] == "Be brief."


@pytest.mark.integration
async def test_a_secret_opens_nothing_but_sessions() -> None:
    async with serving(api_keys="server-key") as server:
        secret = await secret_of(server)
        headers = {"Authorization": f"Bearer {secret['value']}"}
        for method, path in (("GET", "/v1/models"), ("GET", "/metrics"), ("POST", PATH)):
            answer = await server.http.request(method, path, headers=headers)
            assert answer.status_code == 401, path
            assert answer.json()["error"]["code"] == "invalid_client_secret"
        hang_up = await server.http.post("/v1/realtime/calls/rtc_none/hangup", headers=headers)
        assert hang_up.status_code == 404


@pytest.mark.integration
async def test_who_invents_a_secret_is_refused() -> None:
    async with serving(api_keys="server-key") as server:
        with pytest.raises(InvalidStatus) as refused:
            async with server.call(additional_headers={"Authorization": "Bearer ek_invented"}):
                pass
    assert refused.value.response.status_code == 401


@pytest.mark.integration
@pytest.mark.parametrize(
    ("wanted", "param"),
    [
        ({"session": {"type": "realtime", "instructions": 5}}, "session.instructions"),
        ({"session": {"type": "realtime", "audio": {"output": {"voice": "nobody"}}}}, "session.audio.output.voice"),
        ({"expires_after": {"anchor": "created_at", "seconds": 5}}, "expires_after.seconds"),
    ],
)
async def test_a_secret_for_an_impossible_session_is_refused(wanted: dict[str, Any], param: str) -> None:
    async with serving() as server:
        answer = await server.http.post(PATH, json=wanted)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.integration
async def test_pages_of_known_origins_may_read_answers() -> None:
    async with serving(origins="https://app.example") as server:
        asking = {
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        allowed = await server.http.options("/v1/realtime/calls", headers=asking)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://app.example"
        foreign = await server.http.options("/v1/realtime/calls", headers={**asking, "Origin": "https://evil.example"})
        assert foreign.status_code == 400
        assert "access-control-allow-origin" not in foreign.headers
