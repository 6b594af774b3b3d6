"""The adapter: hibari's small English models, one of which its own package brings along."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from antiphon_core.audio import PcmChunk
from antiphon_core.errors import BadText, UnknownModel
from antiphon_core.hookspecs import hookimpl
from antiphon_core.models import AdapterSettings, Capability, Model, ModelInfo, SpeechRequest, VoiceInfo

from antiphon_adapter_hibari.text import cut, sayable

if TYPE_CHECKING:
    from hibari import Hibari  # type: ignore[import-untyped]
    from hibari.g2p import G2P  # type: ignore[import-untyped]

SLOWEST, FASTEST = 0.5, 2.0
"""What the engine was trained for; beyond it, words lose sounds."""

BUNDLED = "hibari"
SPEAKERS = {
    BUNDLED: VoiceInfo("heart", ("en-US", "en"), "American English, female"),
    "hibari-emma": VoiceInfo("emma", ("en-GB", "en"), "British English, female"),
    "hibari-fable": VoiceInfo("fable", ("en-GB", "en"), "British English, male"),
    "hibari-fenrir": VoiceInfo("fenrir", ("en-US", "en"), "American English, male"),
    "hibari-kore": VoiceInfo("kore", ("en-US", "en"), "American English, female"),
}
"""Every voice is a model of its own."""


def _info(model_id: str) -> ModelInfo:
    return ModelInfo(
        id=model_id,
        voices=(SPEAKERS[model_id],),
        native_rate_hz=24_000,
        licence="Apache-2.0",
        size_bytes=40_000_000,
        max_concurrency=4,
        capabilities=frozenset({Capability.SPEED, Capability.CPU_OK}),
        files="" if model_id == BUNDLED else model_id,
    )


@hookimpl
def tts_list_models(settings: AdapterSettings) -> list[ModelInfo]:
    return [_info(model_id) for model_id in SPEAKERS]


@hookimpl
def tts_load_model(model_id: str, device: str, settings: AdapterSettings) -> Model:
    if model_id not in SPEAKERS:
        known = list(SPEAKERS)
        raise UnknownModel(f"no model {model_id!r}; there are: {', '.join(known)}", subject=model_id, allowed=known)
    info = _info(model_id)
    from hibari import Hibari

    weights = str(settings.files.get(info.files) / "voice.onnx") if info.files else None
    dictionary = _dictionary(british="en-GB" in info.voices[0].languages)
    engine = Hibari(voice=info.default_voice, model=weights, threads=settings.threads, g2p=dictionary)
    return HibariModel(info, engine)


@lru_cache(maxsize=2)
def _dictionary(*, british: bool) -> G2P:
    """How English is read, for all models of this process: reading it in takes longer than loading the network, and
    doing so again and again leaves memory in tatters."""
    from hibari.g2p import G2P

    return G2P(british=british)


class HibariModel(Model):
    """One network and one dictionary; both bear being used from several threads at once."""

    def __init__(self, info: ModelInfo, engine: Hibari) -> None:
        super().__init__(info)
        self._engine: Hibari | None = engine
        engine("Hello, quuxify.")  # makes ready what the engine puts off, the net for unknown words too

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        self.info.voice(request.voice)
        engine, spoken = self._loaded(), False
        noise = np.random.default_rng(request.seed)
        speed = min(max(request.speed, SLOWEST), FASTEST)
        for phonemes in _phrases(engine, request.text):
            sound = PcmChunk.from_float(engine.from_ids(engine.ids(phonemes), speed, noise), self.info.native_rate_hz)
            audible = np.trim_zeros(sound.samples, "f")  # each sentence begins with 0.2 s of zeros
            if len(audible):
                yield PcmChunk(audible, sound.rate_hz)
                spoken = True
        if not spoken:
            raise BadText("there is nothing in the text that an English voice can say", subject=request.text[:80])

    def close(self) -> None:
        self._engine = None

    def _loaded(self) -> Hibari:
        if self._engine is None:
            raise RuntimeError("the model was closed")
        return self._engine


def _phrases(engine: Hibari, text: str) -> Iterator[str]:
    """Phonemes, a sentence or less at a time, worked out only when their turn comes."""
    for sentence in engine.split_sentences(sayable(text)):
        for part in cut(sentence):
            for phonemes in cut(_read(engine, part)):
                if any(sign.isalpha() for sign in phonemes):
                    yield phonemes


def _read(engine: Hibari, text: str) -> str:
    """Phonemes. A word that breaks the engine's reader (a superscript, a letter it never met) is left out."""
    try:
        phonemes: str = engine.g2p(text)
    except (IndexError, TypeError, ValueError):
        words = text.split()
        phonemes = " ".join(_read(engine, word) for word in words) if len(words) > 1 else ""
    return phonemes
