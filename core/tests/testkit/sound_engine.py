"""The sound engine that the faulty ones are made from, and engines that are sound in other ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from antiphon_core.audio import PcmChunk, TextMark
from antiphon_core.errors import BadText, UnknownModel
from antiphon_core.hookspecs import hookimpl
from antiphon_core.models import AdapterSettings, Capability, Model, ModelInfo, SpeechRequest, VoiceInfo
from antiphon_core.testkit import VirtualClock

CLOCK = VirtualClock()
"""Slow engines let time pass here."""
RATE_HZ = 8_000
INFO = ModelInfo(
    id="sound",
    voices=(VoiceInfo("low", ("en-US", "en")), VoiceInfo("high", ("en-US",))),
    native_rate_hz=RATE_HZ,
    licence="CC0-1.0",
    size_bytes=1_000,
    max_concurrency=3,
    capabilities=frozenset(
        {Capability.SPEED, Capability.STREAMING_TEXT, Capability.WORD_TIMINGS, Capability.CPU_OK},
    ),
)
Floats = npt.NDArray[np.float64]


class Sound(Model):
    """Noise, a burst for every word: fast, seeded, exact."""

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        return self.synthesize_stream(request, [request.text])

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        self.info.voice(request.voice)
        position = 0
        for word in words(texts):
            sound = self.burst(word, request)
            mark = TextMark(word.start(), len(word.group()), position)
            yield PcmChunk.from_float(sound, RATE_HZ, (mark,))
            position += len(sound)
        if not position:
            raise BadText("no word")

    def burst(self, word: re.Match[str], request: SpeechRequest) -> Floats:
        noise = np.random.default_rng([request.seed or 0, *word.group().encode()])
        samples = int((400 + 200 * len(word.group())) / request.speed)
        return noise.uniform(-0.3, 0.3, samples) * (0.5 if request.voice == "low" else 1.0)


def words(texts: Iterable[str]) -> Iterator[re.Match[str]]:
    text, done = "", 0
    for piece in texts:
        text += piece
        for word in re.finditer(r"\w+(?=\W)", text[done:] and text):
            if word.start() >= done:
                yield word
                done = word.end()
    yield from (word for word in re.finditer(r"\w+", text) if word.start() >= done)


@dataclass
class Plugin:
    """An adapter as an object: `odd_engines:NAME` finds it."""

    model: Callable[[ModelInfo], Any] = Sound
    infos: tuple[ModelInfo, ...] = (INFO,)

    @hookimpl
    def tts_list_models(self, settings: AdapterSettings) -> list[ModelInfo]:
        return list(self.infos)

    @hookimpl
    def tts_load_model(self, model_id: str, device: str, settings: AdapterSettings) -> Any:
        for info in self.infos:
            if info.id == model_id:
                return self.model(info)
        raise UnknownModel(f"no model {model_id}")


sound = Plugin()
solo = Plugin(infos=(replace(INFO, max_concurrency=1, capabilities=frozenset()),), model=lambda info: Unmarked(info))


class Unmarked(Sound):
    """Declares nothing, so it gives no marks."""

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        for chunk in super().synthesize_stream(request, texts):
            yield replace(chunk, marks=())


class Changed(Sound):
    """Passes every chunk through `change`."""

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        for number, chunk in enumerate(super().synthesize_stream(request, texts)):
            yield self.change(number, chunk)

    def change(self, number: int, chunk: PcmChunk) -> PcmChunk:
        raise NotImplementedError
