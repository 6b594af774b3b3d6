"""A session's models, watched: whatever one raises becomes a condition that is logged, counted and survived."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace

import structlog
from antiphon_core.errors import AntiphonError, EngineFailed
from antiphon_core.spans import current_span

from antiphon_orchestrator.ports import (
    Asr,
    ChatDelta,
    ChatRequest,
    HeardSamples,
    Llm,
    Speech,
    SpeechEvent,
    Transcript,
    TurnDetector,
    VoiceChoice,
)
from antiphon_orchestrator.session.observer import Observer, Part
from antiphon_orchestrator.session.parts import Parts

log = structlog.get_logger(__name__)


def watched(parts: Parts) -> Parts:
    """The same parts, raising nothing but AntiphonErrors."""
    observer, detector = parts.observer, parts.turn_detector
    return replace(
        parts,
        asr=_Recogniser(parts.asr, observer),
        llm=_Mind(parts.llm, observer),
        speech=_Speech(parts.speech, observer),
        turn_detector=None if detector is None else _Detector(detector, observer),
    )


@contextmanager
def _watching(part: Part, observer: Observer) -> Iterator[None]:
    try:
        yield
    except AntiphonError as error:
        observer.failed(part)
        log.warning("model failed", part=part, condition=type(error).__name__, reason=error.message)
        raise
    except Exception as error:
        observer.failed(part)
        log.exception("model failed", part=part)
        raise EngineFailed(f"the {part} failed: {type(error).__name__}: {error}", subject=part) from error


class _Recogniser:
    def __init__(self, asr: Asr, observer: Observer) -> None:
        self.max_samples = asr.max_samples
        self._asr = asr
        self._observer = observer

    async def transcribe(
        self,
        audio: HeardSamples,
        *,
        language: str = "",
        prompt: str = "",
        urgent: bool = True,
        hums: bool = False,
    ) -> Transcript:
        with _watching("recogniser", self._observer):
            return await self._asr.transcribe(audio, language=language, prompt=prompt, urgent=urgent, hums=hums)


class _Mind:
    def __init__(self, llm: Llm, observer: Observer) -> None:
        self._llm = llm
        self._observer = observer

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        with (
            _watching("mind", self._observer),
            current_span.get().child("mind") as span,
            span.child("first_token") as first_token,
        ):
            async with aclosing(self._llm.chat(request)) as deltas:
                async for delta in deltas:
                    first_token.end()
                    if delta.input_tokens or delta.output_tokens:
                        self._observer.tokens(delta.input_tokens, delta.output_tokens)
                        span.set(tokens_read=delta.input_tokens, tokens_written=delta.output_tokens)
                    yield delta

    async def prepare(self, request: ChatRequest) -> None:
        with suppress(AntiphonError), _watching("mind", self._observer):
            await self._llm.prepare(request)


class _Speech:
    def __init__(self, speech: Speech, observer: Observer) -> None:
        self._speech = speech
        self._observer = observer

    async def speak(
        self, text: str, choice: VoiceChoice, *, session_id: str = "", turn_id: str = "", utterance_id: str = ""
    ) -> AsyncGenerator[SpeechEvent, None]:
        with _watching("speech", self._observer):
            stream = self._speech.speak(text, choice, session_id=session_id, turn_id=turn_id, utterance_id=utterance_id)
            async with aclosing(stream) as events:
                async for event in events:
                    yield event


class _Detector:
    def __init__(self, detector: TurnDetector, observer: Observer) -> None:
        self._detector = detector
        self._observer = observer

    async def finished_probability(self, turn: HeardSamples) -> float:
        with _watching("turn_detector", self._observer), current_span.get().child("turn_detector") as span:
            probability = await self._detector.finished_probability(turn)
            span.set(finished_probability=probability)
            return probability
