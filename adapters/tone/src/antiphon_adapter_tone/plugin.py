"""The adapter: every word becomes a beep, exactly timed, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from antiphon_core.audio import PcmChunk, TextMark
from antiphon_core.errors import BadText, UnknownModel
from antiphon_core.hookspecs import hookimpl
from antiphon_core.models import AdapterSettings, Model, ModelInfo, SpeechRequest

from antiphon_adapter_tone import faults
from antiphon_adapter_tone.recipes import Recipe, recipes
from antiphon_adapter_tone.sound import beep, pause, words


@hookimpl
def tts_list_models(settings: AdapterSettings) -> list[ModelInfo]:
    return [recipe.info for recipe in recipes(settings.model_dirs).values()]


@hookimpl
def tts_load_model(model_id: str, device: str, settings: AdapterSettings) -> Model:
    known = recipes(settings.model_dirs)
    if model_id not in known:
        raise UnknownModel(f"no model {model_id!r}; there are: {', '.join(known)}", subject=model_id, allowed=[*known])
    return ToneModel(known[model_id], settings)


class ToneModel(Model):
    """Speaks in sines."""

    def __init__(self, recipe: Recipe, settings: AdapterSettings) -> None:
        super().__init__(recipe.info)
        self._pitches_hz = recipe.pitches_hz
        self._options = {**recipe.options, **settings.options}
        faults.while_loading(self._options)

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        return self.synthesize_stream(request, [request.text])

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        return faults.while_speaking(self._speak(request, texts), {**self._options, **request.options})

    def _speak(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        """One chunk a word: the pause before it, and a mark on the sample where the word begins."""
        pitch_hz = self._pitches_hz[self.info.voice(request.voice).id]
        rate_hz, position = self.info.native_rate_hz, 0
        for word in words(texts):
            silence = pause(word.pause_ms, request.speed, rate_hz)
            sound = beep(word.text, pitch_hz, request.speed, rate_hz)
            mark = TextMark(word.offset, len(word.text), position + len(silence))
            yield PcmChunk.from_float(np.concatenate([silence, sound]), rate_hz, (mark,))
            position += len(silence) + len(sound)
        if not position:
            raise BadText("there is no word to speak in the text; send letters or digits", subject=request.text[:80])
