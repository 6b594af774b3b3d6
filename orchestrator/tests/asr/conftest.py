"""A transcription endpoint that understands the scripted voice."""

from __future__ import annotations

import asyncio
import io
import wave
from dataclasses import dataclass, field
from email import message_from_bytes

import httpx
import numpy as np
import pytest
from antiphon_orchestrator.asr.openai import OpenAiAsr
from antiphon_orchestrator.ports import HeardSamples
from antiphon_orchestrator.testing.voice import understand
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class Endpoint:
    """Answers with `answer` if there is one, else with what it heard. Keeps what it was asked."""

    answer: Response | None = None
    asked: list[dict[str, str]] = field(default_factory=list)

    def asr(self, **options: object) -> OpenAiAsr:
        app = Starlette(routes=[Route("/v1/audio/transcriptions", self._transcribe, methods=["POST"])])
        settings = {"model": "whisper-1", "api_key": "secret"} | options
        return OpenAiAsr("http://asr.test/v1/", transport=httpx.ASGITransport(app), **settings)  # type: ignore[arg-type]

    async def _transcribe(self, request: Request) -> Response:
        form = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode() + await request.body()
        parts = {
            str(part.get_param("name", header="content-disposition")): bytes(part.get_payload(decode=True))
            for part in message_from_bytes(form).walk()
            if not part.is_multipart()
        }
        with wave.open(io.BytesIO(parts.pop("file"))) as wav:
            assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, 16_000)
            pcm = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
        fields = {name: value.decode() for name, value in parts.items()}
        self.asked.append(fields | {"authorization": request.headers.get("authorization", "")})
        for _ in range(5):
            await asyncio.sleep(0)  # an answer takes a while, long enough to be cancelled
        heard: HeardSamples = (pcm / 32767).astype(np.float32)
        return self.answer or JSONResponse({"text": f" {understand(heard)}"})


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()
