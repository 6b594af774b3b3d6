"""POST /v1/audio/transcriptions: a recording written down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import get_args

from antiphon_core.errors import Full
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from antiphon_orchestrator.aliases import Aliases
from antiphon_orchestrator.api.http_errors import HttpFault
from antiphon_orchestrator.api.realtime.faults import Fault
from antiphon_orchestrator.api.streaming import Streamed
from antiphon_orchestrator.api.transcripts import Format, as_events, written
from antiphon_orchestrator.api.uploads import UploadLimits, bounded_form, decoded
from antiphon_orchestrator.asr.whole import spoken_pieces
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples
from antiphon_orchestrator.providers import Ears

_FIELDS = frozenset({
    "file", "model", "language", "prompt", "response_format", "temperature", "timestamp_granularities[]",
    "timestamp_granularities", "stream", "include[]", "include", "chunking_strategy",
})  # fmt: skip
_MAX_RUNNING = 8


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be written, and how."""

    upload: UploadFile
    kind: Format
    language: str
    prompt: str
    stream: bool


class TranscriptionEndpoint:
    """Writes recordings down. Overflow: a recording too many is refused."""

    def __init__(
        self, ears: Callable[[], Ears], aliases: Aliases, recogniser: str, limits: Callable[[], UploadLimits]
    ) -> None:
        self._ears = ears
        self._aliases = aliases
        self._recogniser = recogniser
        self._limits = limits
        self._running = 0

    async def answer(self, request: Request) -> Response:
        ears, limits = self._ears(), self._limits()
        with ExitStack() as stack:
            self._take_place(stack)
            async with bounded_form(request, limits.max_bytes) as form:
                wish = self._checked(form)
                audio = await asyncio.to_thread(decoded, wish.upload.file, limits.max_s)
            return await _answer(ears, wish, audio, stack)

    def _take_place(self, stack: ExitStack) -> None:
        if self._running >= _MAX_RUNNING:
            raise Full(f"{_MAX_RUNNING} recordings are being written down, which is the most", retry_after_ms=5_000)
        self._running += 1
        stack.callback(self._give_place)

    def _give_place(self) -> None:
        self._running -= 1

    def _checked(self, form: FormData) -> _Wish:
        unknown = sorted(set(form) - _FIELDS)
        if unknown:
            raise Fault(f"Unknown parameter: '{unknown[0]}'.", code="unknown_parameter", param=unknown[0])
        upload = form.get("file")
        if not isinstance(upload, UploadFile):
            raise Fault("Missing required parameter: 'file'.", code="missing_required_parameter", param="file")
        self._check_model(str(form.get("model") or ""))
        kind = str(form.get("response_format") or "json")
        if kind not in get_args(Format):
            raise Fault(
                f"Invalid value: '{kind}'. Supported values are: {', '.join(map(repr, get_args(Format)))}.",
                code="invalid_value",
                param="response_format",
            )
        language, prompt = str(form.get("language") or ""), str(form.get("prompt") or "")
        return _Wish(upload, kind, language, prompt, str(form.get("stream", "")).lower() == "true")  # type: ignore[arg-type]

    def _check_model(self, model: str) -> None:
        if model and self._aliases.recognisers.get(model, model) not in ("", self._recogniser):
            known = sorted({self._recogniser, *self._aliases.recognisers})
            raise HttpFault(
                404,
                f"There is no recogniser '{model}'; there are: {', '.join(known)}.",
                code="model_not_found",
                param="model",
            )


async def _answer(ears: Ears, wish: _Wish, audio: HeardSamples, stack: ExitStack) -> Response:
    pieces = spoken_pieces(audio, ears.asr, ears.new_vad(), language=wish.language, prompt=wish.prompt)
    if wish.stream:
        return Streamed(as_events(pieces), "text/event-stream", on_end=stack.pop_all().close)
    return written(wish.kind, [piece async for piece in pieces], len(audio) / EARS_RATE_HZ, wish.language)
