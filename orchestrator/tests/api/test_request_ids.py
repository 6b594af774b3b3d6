"""Every answer names its request, and so does the log."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from antiphon_orchestrator.testing.ears import ScriptedAsr
from antiphon_orchestrator.testing.server import Scripted, eventually, serving
from antiphon_orchestrator.testing.voice import speak
from clips import wav
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.testing import capture_logs
from websockets.exceptions import InvalidStatus

pytestmark = pytest.mark.integration

OWN = "x-request-id"
FRESH = re.compile(r"req_[0-9a-f]{20}")


async def test_every_answer_has_an_id_of_its_own() -> None:
    async with serving(api_keys=["key"]) as server:
        server.http.headers["authorization"] = "Bearer key"
        answers = [
            await server.http.get(path) for path in ("/v1/models", "/v1/models", "/v1/nowhere", "/v1/audio/speech")
        ]
        refused = await server.http.get("/v1/models", headers={"authorization": "Bearer wrong"})
        bad = await server.http.post("/v1/audio/speech", json={})
    assert [answer.status_code for answer in (*answers, refused, bad)] == [200, 200, 404, 405, 401, 400]
    ids = [answer.headers[OWN] for answer in (*answers, refused, bad)]
    assert all(map(FRESH.fullmatch, ids))
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "sane", ["abc", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "job:7/x_1.2+=", "a" * 128]
)
async def test_a_clients_own_id_is_kept(sane: str) -> None:
    async with serving() as server:
        assert (await server.http.get("/v1/models", headers={OWN: sane})).headers[OWN] == sane


@pytest.mark.parametrize("odd", ["", "a b", "a\tb", '{"a":1}', "a" * 129, "é", "x;y"])
async def test_an_odd_one_is_replaced(odd: str) -> None:
    async with serving() as server:
        answer = await server.http.get("/v1/models", headers={OWN.encode(): odd.encode("latin-1")})
        assert FRESH.fullmatch(answer.headers[OWN])


async def test_the_log_has_one_line_for_each_answer_with_its_id() -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        async with serving() as server:
            await server.http.get("/v1/models", headers={OWN: "mine"})
            await server.http.post("/v1/audio/speech?secret=1", json={"input": "A secret."}, headers={OWN: "other"})
            await server.http.get("/livez")
    told = [line for line in lines if line["event"] == "answered"]
    assert [(line["request"], line["method"], line["path"], line["status"]) for line in told] == [
        ("mine", "GET", "/v1/models", 200),
        ("other", "POST", "/v1/audio/speech", 200),
    ]
    assert all(0 <= line["ms"] < 10_000 for line in told)
    assert "secret" not in str(lines)


async def test_a_bug_of_ours_is_answered_and_logged_with_the_id(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(ScriptedAsr):
        async def transcribe(self, *arguments: Any, **named: Any) -> Any:
            raise ZeroDivisionError("a bug of ours")

    class Watching(logging.Filter):
        """Notes for each record what a formatter would add to it."""

        def filter(self, record: logging.LogRecord) -> bool:
            record.request = get_contextvars().get("request")
            return True

    caplog.handler.addFilter(Watching())
    async with serving(Scripted(asr=Broken())) as server:
        files = {"file": ("x.wav", wav(speak("Hello there.")))}
        answer = await server.http.post("/v1/audio/transcriptions", files=files, headers={OWN: "mine"})
    assert (answer.status_code, answer.headers[OWN]) == (500, "mine")
    assert [record.request for record in caplog.records if record.exc_info] == ["mine"]  # type: ignore[attr-defined]


async def test_a_conversation_is_named_like_the_request_that_opened_it() -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        async with serving() as server:
            async with server.call(additional_headers={OWN: "mine"}) as call:
                assert call.socket.response is not None
                assert call.socket.response.headers[OWN] == "mine"
            await eventually(lambda: not len(server.server.conversations))
    assert [line["request"] for line in lines if line["event"] in ("session begun", "session ended")] == ["mine"] * 2


async def test_a_refused_conversation_has_an_id_too() -> None:
    async with serving(api_keys=["key"]) as server:
        with pytest.raises(InvalidStatus) as refused:
            async with server.call():
                pass
    assert FRESH.fullmatch(refused.value.response.headers[OWN])
