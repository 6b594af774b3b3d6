"""Recognises whole recordings, of any length, one stretch of speech after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from antiphon_orchestrator.ports import Asr, HeardSamples, Transcript, Vad
from antiphon_orchestrator.turn.cutting import Span, speech_spans


@dataclass(frozen=True, slots=True)
class SpokenPiece:
    """One stretch of speech and what it says."""

    span: Span
    transcript: Transcript


async def spoken_pieces(
    audio: HeardSamples, asr: Asr, vad: Vad, *, language: str = "", prompt: str = ""
) -> AsyncGenerator[SpokenPiece, None]:
    """What a recording says, in order, as it is recognised."""
    spans = speech_spans(audio, vad, asr.max_samples)
    # Hours of silence are looked through in a thread: others must not wait.
    while (span := await asyncio.to_thread(next, spans, None)) is not None:
        heard = audio[span.start_sample : span.end_sample]
        transcript = await asr.transcribe(heard, language=language, prompt=prompt, urgent=False)
        if transcript.text:
            yield SpokenPiece(span, transcript)
