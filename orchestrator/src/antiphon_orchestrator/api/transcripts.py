"""Transcripts as clients want them written: json, text, srt, vtt or verbose_json, or as a stream of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Literal

from antiphon_core.errors import AntiphonError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from antiphon_orchestrator.api.streaming import Pieces, error_event, event
from antiphon_orchestrator.asr.whole import SpokenPiece
from antiphon_orchestrator.ports import EARS_RATE_HZ

Format = Literal["json", "text", "srt", "verbose_json", "vtt"]


def written(kind: Format, pieces: list[SpokenPiece], seconds: float, language: str) -> Response:
    """All of it at once."""
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


async def as_events(pieces: AsyncGenerator[SpokenPiece, None]) -> Pieces:
    """Piece by piece, as each is recognised."""
    text = ""
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                delta = piece.transcript.text if not text else f" {piece.transcript.text}"
                text += delta
                yield event({"type": "transcript.text.delta", "delta": delta})
    except AntiphonError as error:
        yield error_event(error)
        return
    yield event({"type": "transcript.text.done", "text": text})


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
