"""Recognises through any endpoint that speaks OpenAI's `POST /audio/transcriptions`."""

from __future__ import annotations

import io
import wave
from types import TracebackType
from typing import Self

import httpx
import numpy as np
from antiphon_core.errors import AntiphonError, BadRequest, BadSettings, EngineFailed, EngineStalled, Full

from antiphon_orchestrator.asr.refusals import require_short
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, Transcript
from antiphon_orchestrator.retry_after import retry_after_ms

_SHORTEST_SAMPLES = EARS_RATE_HZ // 10
"""The service it is named after refuses shorter audio."""
_ANSWER_CHARACTERS = 300
_RETRY_AFTER_MS = 1000


class OpenAiAsr:
    """One instance serves all sessions; use it as an async context manager, or close it.

    `base_url` ends where the API does, as in `https://api.example.com/v1`. At most `running` requests are open at a
    time; one that finds no free connection within `timeout_s` is refused.
    """

    max_samples = 600 * EARS_RATE_HZ

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str = "",
        timeout_s: float = 10.0,
        running: int = 16,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/audio/transcriptions"
        self._model = model
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=running, max_keepalive_connections=running),
            transport=transport,
        )

    async def transcribe(
        self,
        audio: HeardSamples,
        *,
        language: str = "",
        prompt: str = "",
        urgent: bool = True,
        hums: bool = False,
    ) -> Transcript:
        require_short(audio, self.max_samples)
        if len(audio) < _SHORTEST_SAMPLES:
            return Transcript("", language)
        fields = {"model": self._model, "response_format": "json"}
        if language:
            fields["language"] = language.partition("-")[0].lower()
        if prompt:
            fields["prompt"] = prompt
        answer = await self._post(fields, _wav(audio))
        return Transcript(self._text(answer).strip(), language)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _post(self, fields: dict[str, str], wav: bytes) -> httpx.Response:
        try:
            return await self._client.post(self._url, data=fields, files={"file": ("speech.wav", wav, "audio/wav")})
        except httpx.PoolTimeout as error:
            raise Full(
                f"all connections to {self._url} are in use", subject=self._url, retry_after_ms=_RETRY_AFTER_MS
            ) from error
        except httpx.TimeoutException as error:
            raise EngineStalled(
                f"{self._url} gave no answer within {self._timeout_s:g} s", subject=self._url
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EngineFailed(
                f"cannot reach {self._url}: {error or type(error).__name__}; check its address and that it runs",
                subject=self._url,
            ) from error

    def _text(self, answer: httpx.Response) -> str:
        if not answer.is_success:
            raise self._refused(answer)
        try:
            text = answer.json()["text"]
        except (ValueError, KeyError, TypeError):
            text = None
        if not isinstance(text, str):
            raise EngineFailed(
                f'{self._url} answered something else than {{"text": ...}}: {answer.text[:_ANSWER_CHARACTERS]}',
                subject=self._url,
            )
        return text

    def _refused(self, answer: httpx.Response) -> AntiphonError:
        said = f"{self._url} answered {answer.status_code}: {answer.text[:_ANSWER_CHARACTERS]}"
        match answer.status_code:
            case 401 | 403:
                return BadSettings(f"{said}; check the recogniser's API key", subject=self._url)
            case 404:
                return BadSettings(f"{said}; check the recogniser's base URL and model name", subject=self._url)
            case 400 | 413 | 415 | 422:
                return BadRequest(said, subject=self._url)
            case 429:
                return Full(said, subject=self._url, retry_after_ms=retry_after_ms(answer.headers, _RETRY_AFTER_MS))
            case _:
                return EngineFailed(said, subject=self._url)


def _wav(audio: HeardSamples) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(EARS_RATE_HZ)
        wav.writeframes((np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()
