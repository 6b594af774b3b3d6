"""Recordings that clients upload: bounded in bytes and in time, decoded from whatever FFmpeg knows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.types import Message

from antiphon_orchestrator.api.http_errors import HttpFault
from antiphon_orchestrator.api.realtime.faults import Fault
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples

_FORM_BYTES = 65_536
"""What a form may hold beside the recording."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What one upload may take."""

    max_bytes: int
    max_s: float


@asynccontextmanager
async def bounded_form(request: Request, max_bytes: int, what: str = "recording") -> AsyncIterator[FormData]:
    """The request's form, which is refused while it comes in once it is too large."""
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > max_bytes + _FORM_BYTES:
            raise HttpFault(413, f"The {what} is larger than {max_bytes} bytes.", code="request_too_large")
        return message

    bounded = Request(request.scope, receive)
    async with bounded.form(max_files=1, max_fields=64, max_part_size=_FORM_BYTES) as form:
        yield form


def decoded(file: BinaryIO, max_s: float) -> HeardSamples:
    """The recording as ears take it. Slow: run it in a thread."""
    try:
        pieces = list(_bounded(_pieces(file), round(max_s * EARS_RATE_HZ)))
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise Fault(
            f"The file is no recording that can be read ({error}). Send wav, mp3, flac, ogg, webm, m4a or the like.",
            code="invalid_value",
            param="file",
        ) from error
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def _pieces(file: BinaryIO) -> Iterator[HeardSamples]:
    with av.open(file, "r") as container:
        resampler = av.AudioResampler("flt", "mono", EARS_RATE_HZ)
        for frame in container.decode(audio=0):
            for made in resampler.resample(frame):
                yield made.to_ndarray().reshape(-1).astype(np.float32, copy=False)
        for made in resampler.resample(None):
            yield made.to_ndarray().reshape(-1).astype(np.float32, copy=False)


def _bounded(pieces: Iterator[HeardSamples], max_samples: int) -> Iterator[HeardSamples]:
    """A small file may hold days of silence."""
    samples = 0
    for piece in pieces:
        samples += len(piece)
        if samples > max_samples:
            seconds = max_samples // EARS_RATE_HZ
            raise HttpFault(413, f"The recording is longer than {seconds} s.", code="request_too_large", param="file")
        yield piece
