"""Who may come in: keys, origins and host names, for HTTP and for WebSockets alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from antiphon_orchestrator.testing.server import Serving, serving
from websockets.exceptions import InvalidStatus

pytestmark = pytest.mark.integration

KEYS = ("correct horse", "bätterie")


async def refusal(server: Serving, **options: Any) -> tuple[int, str]:
    """The status and code with which a WebSocket is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with server.call(**options):
            pass
    response = refused.value.response
    return response.status_code, json.loads(response.body)["error"]["code"]


def bearer(key: str) -> dict[bytes, bytes]:
    return {b"Authorization": f"Bearer {key}".encode()}


async def test_a_key_opens_every_face() -> None:
    async with serving(api_keys=KEYS) as server:
        for key in KEYS:
            answer = await server.http.get("/v1/models", headers=bearer(key))
            assert answer.status_code == 200
        async with server.call(additional_headers={"Authorization": "Bearer correct horse"}):
            pass


@pytest.mark.parametrize(
    "header", ["", "Bearer wrong", "Bearer", "Basic correct horse", "Bearer correct horse battery"]
)
async def test_without_a_key_everything_of_worth_is_closed(header: str) -> None:
    async with serving(api_keys=KEYS) as server:
        headers = {"Authorization": header} if header else {}
        for path in ("/v1/models", "/v1/voices", "/v1/workers", "/v1/audio/speech", "/metrics", "/nowhere"):
            answer = await server.http.get(path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
        assert await refusal(server, additional_headers=headers) == (401, "invalid_api_key")
        for path in ("/", "/livez", "/readyz", "/health"):
            assert (await server.http.get(path, headers=headers)).status_code == 200


async def test_a_browser_shows_its_key_as_a_subprotocol() -> None:
    async with serving(api_keys=["k3y"]) as server:
        async with server.call(subprotocols=["realtime", "openai-insecure-api-key.k3y"]) as call:
            assert call.socket.subprotocol == "realtime"
        assert await refusal(server, subprotocols=["realtime", "openai-insecure-api-key.wrong"]) == (
            401,
            "invalid_api_key",
        )


async def test_pages_of_other_sites_may_not_connect_unless_they_are_named() -> None:
    async with serving(origins=["https://our.example"]) as server:
        foreign = {"Origin": "https://evil.example"}
        assert (await server.http.get("/v1/models", headers=foreign)).status_code == 403
        assert await refusal(server, origin="https://evil.example") == (403, "origin_not_allowed")
        for origin in ("https://our.example", f"http://127.0.0.1:{server.port}"):
            assert (await server.http.get("/v1/models", headers={"Origin": origin})).status_code == 200
            async with server.call(origin=origin):
                pass


async def test_every_page_may_connect_where_a_deployment_says_so() -> None:
    async with serving(origins=["*"]) as server, server.call(origin="https://anybody.example"):
        pass


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::2]"])
async def test_a_private_server_answers_to_its_own_name_alone(host: str) -> None:
    async with serving() as server:
        answer = await server.http.get("/v1/models", headers={"Host": host})
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "host_not_allowed"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:8080", "LOCALHOST:1"])
async def test_this_machine_has_several_names(host: str) -> None:
    async with serving() as server:
        assert (await server.http.get("/v1/models", headers={"Host": host})).status_code == 200


async def test_a_public_server_answers_to_any_name() -> None:
    async with serving(host="0.0.0.0", api_keys=["k3y"]) as server:
        headers = {"Host": "voice.example", "Authorization": "Bearer k3y"}
        assert (await server.http.get("/v1/models", headers=headers)).status_code == 200


async def test_who_is_refused_is_counted() -> None:
    async with serving(api_keys=KEYS) as server:
        await server.http.get("/v1/models")
        await server.http.get("/v1/models", headers={**bearer("correct horse"), b"Origin": b"https://evil.example"})
        text = (await server.http.get("/metrics", headers=bearer("correct horse"))).text
        assert 'antiphon_requests_refused_total{reason="invalid_api_key"} 1.0' in text
        assert 'antiphon_requests_refused_total{reason="origin_not_allowed"} 1.0' in text
