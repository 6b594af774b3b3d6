"""POST /v1/audio/transcriptions: a recording written down, as json, text, srt, vtt or verbose_json, or as a stream."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Literal, get_args

import av
import numpy as np
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from antiphon_orchestrator.aliases import Aliases
from antiphon_orchestrator.api.http_errors import HttpFault
from antiphon_orchestrator.api.realtime.faults import Fault
from antiphon_orchestrator.asr.whole import SpokenPiece, spoken_pieces
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples
from antiphon_orchestrator.providers import Ears

Format = Literal["json", "text", "srt", "verbose_json", "vtt"]
_FIELDS = frozenset({
    "file", "model", "language", "prompt", "response_format", "temperature", "timestamp_granularities[]",
    "timestamp_granularities", "stream", "include[]", "include", "chunking_strategy",
})  # fmt: skip


class TranscriptionEndpoint:
    """Writes recordings down."""

    def __init__(self, ears: Callable[[], Ears], aliases: Aliases, recogniser: str, *, max_upload_bytes: int) -> None:
        self._ears = ears
        self._aliases = aliases
        self._recogniser = recogniser
        self._max_upload_bytes = max_upload_bytes

    async def answer(self, request: Request) -> Response:
        length = int(request.headers.get("content-length") or 0)
        if length > self._max_upload_bytes:
            raise HttpFault(
                413, f"The recording is larger than {self._max_upload_bytes} bytes.", code="request_too_large"
            )
        async with request.form(max_part_size=self._max_upload_bytes) as form:
            kind = self._checked(form)
            upload = form["file"]
            assert isinstance(upload, UploadFile)
            audio = decoded(await upload.read())
            language, prompt = str(form.get("language") or ""), str(form.get("prompt") or "")
            stream = str(form.get("stream", "")).lower() == "true"
        ears = self._ears()
        pieces = spoken_pieces(audio, ears.asr, ears.new_vad(), language=language, prompt=prompt)
        if stream:
            return StreamingResponse(_streamed(pieces), media_type="text/event-stream")
        return _written(kind, [piece async for piece in pieces], len(audio) / EARS_RATE_HZ, language)

    def _checked(self, form: FormData) -> Format:
        unknown = sorted(set(form) - _FIELDS)
        if unknown:
            raise Fault(f"Unknown parameter: '{unknown[0]}'.", code="unknown_parameter", param=unknown[0])
        if not isinstance(form.get("file"), UploadFile):
            raise Fault("Missing required parameter: 'file'.", code="missing_required_parameter", param="file")
        model = str(form.get("model") or "")
        if model and self._aliases.recognisers.get(model, model) not in ("", self._recogniser):
            known = sorted({self._recogniser, *self._aliases.recognisers})
            raise HttpFault(
                404,
                f"There is no recogniser '{model}'; there are: {', '.join(known)}.",
                code="model_not_found",
                param="model",
            )
        kind = str(form.get("response_format") or "json")
        if kind not in get_args(Format):
            raise Fault(
                f"Invalid value: '{kind}'. Supported values are: {', '.join(map(repr, get_args(Format)))}.",
                code="invalid_value",
                param="response_format",
            )
        return kind  # type: ignore[return-value]


def decoded(data: bytes) -> HeardSamples:
    """Any recording FFmpeg knows, as ears take it."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            resampler = av.AudioResampler("flt", "mono", EARS_RATE_HZ)
            frames = [made for frame in container.decode(audio=0) for made in resampler.resample(frame)]
            frames += resampler.resample(None)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise Fault(
            f"The file is no recording that can be read ({error}). Send wav, mp3, flac, ogg, webm, m4a or the like.",
            code="invalid_value",
            param="file",
        ) from error
    pieces = [frame.to_ndarray().reshape(-1) for frame in frames]
    return np.concatenate(pieces).astype(np.float32) if pieces else np.zeros(0, np.float32)


def _written(kind: Format, pieces: list[SpokenPiece], seconds: float, language: str) -> Response:
    text = " ".join(piece.transcript.text for piece in pieces)
    if kind == "text":
        return PlainTextResponse(f"{text}\n")
    if kind == "srt":
        return PlainTextResponse("".join(_captions(pieces, ",", numbered=True)))
    if kind == "vtt":
        return PlainTextResponse("WEBVTT\n\n" + "".join(_captions(pieces, ".", numbered=False)))
    usage = {"type": "duration", "seconds": round(seconds)}
    if kind == "json":
        return JSONResponse({"text": text, "usage": usage})
    return JSONResponse(
        {
            "task": "transcribe",
            "language": language or next((piece.transcript.language for piece in pieces), ""),
            "duration": seconds,
            "text": text,
            "segments": [_segment(index, piece) for index, piece in enumerate(pieces)],
            "words": [word for piece in pieces for word in _words(piece)] or None,
            "usage": usage,
        }
    )


def _captions(pieces: list[SpokenPiece], point: str, *, numbered: bool) -> Iterator[str]:
    for number, piece in enumerate(pieces, 1):
        times = f"{_clock(piece.span.start_sample, point)} --> {_clock(piece.span.end_sample, point)}"
        yield f"{number}\n" if numbered else ""
        yield f"{times}\n{piece.transcript.text}\n\n"


def _clock(sample: int, point: str) -> str:
    ms = sample * 1000 // EARS_RATE_HZ
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


def _segment(index: int, piece: SpokenPiece) -> dict[str, Any]:
    return {
        "id": index,
        "seek": 0,
        "start": piece.span.start_sample / EARS_RATE_HZ,
        "end": piece.span.end_sample / EARS_RATE_HZ,
        "text": piece.transcript.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }


def _words(piece: SpokenPiece) -> Iterator[dict[str, Any]]:
    for word in piece.transcript.words:
        yield {
            "word": word.text,
            "start": (piece.span.start_sample + word.start_sample) / EARS_RATE_HZ,
            "end": (piece.span.start_sample + word.end_sample) / EARS_RATE_HZ,
        }


async def _streamed(pieces: AsyncIterator[SpokenPiece]) -> AsyncIterator[bytes]:
    text = ""
    async for piece in pieces:
        delta = piece.transcript.text if not text else f" {piece.transcript.text}"
        text += delta
        yield _event({"type": "transcript.text.delta", "delta": delta})
    yield _event({"type": "transcript.text.done", "text": text})


def _event(fields: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()
