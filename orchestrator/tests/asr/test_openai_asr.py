from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from antiphon_core.errors import AntiphonError, BadRequest, BadSettings, EngineFailed, EngineStalled, Full
from antiphon_orchestrator.asr.openai import OpenAiAsr
from antiphon_orchestrator.testing import voice
from starlette.responses import JSONResponse, PlainTextResponse, Response

SPEECH = voice.speak("turn the light off")


class TestTheRequest:
    async def test_it_says_what_there_is_to_say(self, endpoint: Any) -> None:
        async with endpoint.asr(model="my-model", api_key="secret") as asr:
            await asr.transcribe(SPEECH, language="pt-BR", prompt="lamps")
        assert endpoint.asked == [
            {
                "model": "my-model",
                "response_format": "json",
                "language": "pt",
                "prompt": "lamps",
                "authorization": "Bearer secret",
            }
        ]

    async def test_what_nobody_said_is_left_out(self, endpoint: Any) -> None:
        async with endpoint.asr(model="m", api_key="") as asr:
            await asr.transcribe(SPEECH)
        assert endpoint.asked == [{"model": "m", "response_format": "json", "authorization": ""}]

    async def test_audio_too_short_for_a_word_is_not_sent(self, endpoint: Any) -> None:
        async with endpoint.asr() as asr:
            assert (await asr.transcribe(SPEECH[:1_599])).text == ""
        assert endpoint.asked == []


@pytest.mark.parametrize(
    ("answer", "condition", "message"),
    [
        (
            PlainTextResponse("no such key", 401),
            BadSettings,
            "answered 401: no such key; check the recogniser's API key",
        ),
        (PlainTextResponse("?", 404), BadSettings, "check the recogniser's base URL and model name"),
        (PlainTextResponse("bad audio", 400), BadRequest, "answered 400: bad audio"),
        (PlainTextResponse("later", 429), Full, "answered 429: later"),
        (PlainTextResponse("x" * 9_999, 500), EngineFailed, r"answered 500: x{300}$"),
        (JSONResponse(["text"]), EngineFailed, "answered something else than"),
        (JSONResponse({"text": None}), EngineFailed, "answered something else than"),
        (PlainTextResponse("hello"), EngineFailed, r"answered something else than \{.*\}: hello"),
    ],
)
async def test_every_refusal_has_its_condition(
    endpoint: Any, answer: Response, condition: type[AntiphonError], message: str
) -> None:
    endpoint.answer = answer
    async with endpoint.asr() as asr:
        with pytest.raises(condition, match=message):
            await asr.transcribe(SPEECH)


@pytest.mark.parametrize(("header", "wait_ms"), [("7", 7_000), ("soon", 1_000), (None, 1_000)])
async def test_a_full_endpoint_says_when_to_come_back(endpoint: Any, header: str | None, wait_ms: int) -> None:
    endpoint.answer = PlainTextResponse("later", 429, headers={"Retry-After": header} if header else {})
    async with endpoint.asr() as asr:
        with pytest.raises(Full) as full:
            await asr.transcribe(SPEECH)
    assert full.value.retry_after_ms == wait_ms


class TestWithoutAnAnswer:
    @pytest.fixture
    async def silent_server(self) -> AsyncIterator[str]:
        """Takes connections and never answers."""

        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(hold, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        async with server:
            yield f"http://{host}:{port}/v1"

    async def test_a_silent_endpoint_counts_as_stalled(self, silent_server: str) -> None:
        async with OpenAiAsr(silent_server, model="m", timeout_s=0.05) as asr:
            with pytest.raises(EngineStalled, match=r"gave no answer within 0\.05 s"):
                await asr.transcribe(SPEECH)

    async def test_a_request_without_a_free_connection_is_refused(self, silent_server: str) -> None:
        async with OpenAiAsr(silent_server, model="m", timeout_s=0.05, running=1) as asr:
            asking = [asyncio.create_task(asr.transcribe(SPEECH)) for _ in range(2)]
            outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert Full in {type(outcome) for outcome in outcomes}

    @pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "not a url"])
    async def test_an_endpoint_that_is_not_there_is_named(self, url: str) -> None:
        async with OpenAiAsr(url, model="m") as asr:
            with pytest.raises(EngineFailed, match=f"cannot reach {url}/audio/transcriptions: .*; check its address"):
                await asr.transcribe(SPEECH)

    async def test_closing_closes_its_connections(self, endpoint: Any) -> None:
        asr = endpoint.asr()
        await asr.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await asr.transcribe(SPEECH)
