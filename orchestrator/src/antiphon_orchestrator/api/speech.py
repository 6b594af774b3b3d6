"""POST /v1/audio/speech: a text spoken, encoded while it is being made."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Annotated, Literal

from antiphon_core.audio import Frame
from antiphon_core.errors import AntiphonError, BadText
from antiphon_core.spans import NO_TRACER, Span, Tracer, current_span
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from antiphon_orchestrator.aliases import Aliases
from antiphon_orchestrator.api.encoding import MEDIA_TYPES, encoder
from antiphon_orchestrator.api.http_errors import json_body
from antiphon_orchestrator.api.streaming import Pieces, Streamed, error_event, event
from antiphon_orchestrator.ports import Speech, VoiceChoice
from antiphon_orchestrator.session.config import Strict, VoiceId
from antiphon_orchestrator.speech.parallel import InTurn
from antiphon_orchestrator.splice import heard_once
from antiphon_orchestrator.turn.segmenter import Segmenter
from antiphon_orchestrator.turn.speakable import speakable

RATE_HZ = 24_000
_MAX_JSON_OVERHEAD_BYTES = 16_384


class SpeechBody(Strict):
    """What a client asks for. `instructions` goes to engines that take them, as an option."""

    model: str = ""
    input: str
    voice: str | VoiceId = ""
    instructions: str = ""
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: Annotated[float, Field(ge=0.25, le=4)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"
    language: str = ""


class SpeechEndpoint:
    """Speaks texts over HTTP."""

    def __init__(
        self,
        speech: Speech,
        aliases: Aliases,
        max_text_chars: Callable[[], int],
        idle_workers: Callable[[VoiceChoice], int] = lambda _: 0,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._tracer = tracer
        self._speech = speech
        self._aliases = aliases
        self._max_text_chars = max_text_chars
        self._idle_workers = idle_workers

    async def answer(self, request: Request) -> Response:
        max_chars = self._max_text_chars()
        body = await json_body(request, SpeechBody, max_chars * 12 + _MAX_JSON_OVERHEAD_BYTES)
        _check_text(body.input, max_chars)
        span = self._tracer.begin("speech", headers=request.headers.items(), format=body.response_format)
        current_span.set(span)  # every request has a task of its own
        audio = self._encoded(body, span)
        # What goes wrong before the first byte can still be told as an HTTP status.
        first = await anext(audio, b"")
        media_type = MEDIA_TYPES[body.response_format]
        if body.stream_format == "sse":
            return Streamed(_as_events(first, audio), "text/event-stream")
        return Streamed(_joined(first, audio), media_type)

    async def _encoded(self, body: SpeechBody, span: Span) -> Pieces:
        with span, span.child("first_audio") as first_audio:
            async with aclosing(self._pieces(body)) as pieces:
                async for data in pieces:
                    first_audio.end()
                    yield data

    async def _pieces(self, body: SpeechBody) -> Pieces:
        voice = body.voice if isinstance(body.voice, str) else body.voice.id
        choice = VoiceChoice(
            voice=self._aliases.voice(body.model, voice),
            language=body.language,
            speed=body.speed,
            rate_hz=RATE_HZ,
            options={"instructions": body.instructions} if body.instructions else {},
        )
        encoding = encoder(body.response_format, RATE_HZ)
        async with aclosing(self._frames(body, choice)) as frames:
            async for frame in frames:
                if data := encoding.push(frame.pcm[: frame.speech_samples * 2]):
                    yield data
        if data := encoding.finish():
            yield data

    async def _frames(self, body: SpeechBody, choice: VoiceChoice) -> AsyncGenerator[Frame, None]:
        """Of all sentences in turn, the later ones made meanwhile where workers are idle."""
        turns = InTurn(lambda: self._idle_workers(choice))
        turns.release()
        try:
            sentences = [turns.add(self._speech.speak(text, choice)) for text in _sentences(body.input, body.language)]
            for sentence in sentences:
                async with aclosing(heard_once(sentence, RATE_HZ)) as frames:
                    async for frame in frames:
                        yield frame
        finally:
            await turns.close()


def _check_text(text: str, max_chars: int) -> None:
    if not text.strip():
        raise BadText("'input' has no text; give the text to speak", subject="input")
    if len(text) > max_chars:
        raise BadText(
            f"'input' has {len(text)} characters; at most {max_chars} are spoken in one request", subject="input"
        )


def _sentences(text: str, language: str) -> Iterator[str]:
    segmenter = Segmenter(language)
    for segment in (*segmenter.push(text), *segmenter.finish()):
        if spoken := speakable(segment).text:
            yield spoken


async def _joined(first: bytes, rest: Pieces) -> Pieces:
    async with aclosing(rest):
        yield first
        async for data in rest:
            yield data


async def _as_events(first: bytes, rest: Pieces) -> Pieces:
    try:
        async with aclosing(_joined(first, rest)) as pieces:
            async for data in pieces:
                yield event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})
    except AntiphonError as error:
        yield error_event(error)
        return
    usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    yield event({"type": "speech.audio.done", "usage": usage})
