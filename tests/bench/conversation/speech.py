"""POST /v1/audio/speech: what the server adds to the engine's own first chunk."""

from __future__ import annotations

import asyncio
import time

import httpx
from antiphon_core.errors import AntiphonError
from antiphon_core.models import AdapterSettings, SpeechRequest
from antiphon_core.testkit import NoFiles, load_plugin
from processes import up
from tables import row

TEXTS = tuple(f"This is sentence number {number}, and it is not a long one." for number in range(30))


async def measure() -> None:
    """The engine alone and through the server, one after the other, the same texts."""
    async with up("--mind", "echo") as running:
        bare, served = [], []
        plugin = load_plugin("hibari")
        settings = AdapterSettings(NoFiles())
        info = plugin.tts_list_models(settings=settings)[0]
        model = plugin.tts_load_model(model_id=info.id, device="cpu", settings=settings)
        async with httpx.AsyncClient(base_url=running.url) as client:
            for text in TEXTS:
                bare.append(await asyncio.to_thread(_first_chunk_ms, model, info, text))
                served.append(await _first_byte_ms(client, text))
        model.close()
        row("first chunk, engine alone", bare)
        row("first byte, through the server", served)
        row("added by the server", [a - b for a, b in zip(served, bare, strict=True)], reach="p50 <= 10")


def _first_chunk_ms(model: object, info: object, text: str) -> float:
    began_s = time.perf_counter()
    voice = info.voice("")  # type: ignore[attr-defined]
    chunks = model.synthesize(SpeechRequest(text, voice.id, voice.languages[0]))  # type: ignore[attr-defined]
    next(chunks)
    first_ms = (time.perf_counter() - began_s) * 1000
    chunks.close()
    return first_ms


async def _first_byte_ms(client: httpx.AsyncClient, text: str) -> float:
    began_s = time.perf_counter()
    body = {"input": text, "response_format": "pcm"}
    async with client.stream("POST", "/v1/audio/speech", json=body) as answer:
        if not answer.is_success:
            raise AntiphonError(f"status {answer.status_code}")
        async for _ in answer.aiter_raw():
            return (time.perf_counter() - began_s) * 1000
    raise AntiphonError("no audio")
