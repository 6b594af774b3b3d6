"""The adapter: every word becomes a beep, exactly timed, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from antiphon_core.audio import PcmChunk, TextMark
from antiphon_core.errors import BadText, UnknownModel
from antiphon_core.hookspecs import hookimpl
from antiphon_core.models import AdapterSettings, Capability, Model, ModelInfo, SpeechRequest, VoiceInfo

from antiphon_adapter_tone import disk, faults
from antiphon_adapter_tone.sound import beep, pause, words

RATE_HZ = 24_000
PITCHES_HZ = {"alto": 200.0, "bass": 110.0, "tenor": 150.0, "sopran": 260.0}
VOICES = (
    VoiceInfo("alto", ("en-US", "en"), "the default"),
    VoiceInfo("bass", ("en-GB", "en"), "low"),
    VoiceInfo("tenor", ("en-US", "en", "de-DE", "de"), "in two languages"),
    VoiceInfo("sopran", ("de-DE", "de"), "high"),
)
CAPABILITIES = frozenset(
    {Capability.WORD_TIMINGS, Capability.STREAMING_TEXT, Capability.SPEED, Capability.CPU_OK},
)


def _info(model_id: str, size_bytes: int, max_concurrency: int = 8) -> ModelInfo:
    return ModelInfo(
        id=model_id,
        voices=VOICES,
        native_rate_hz=RATE_HZ,
        licence="Apache-2.0",
        size_bytes=size_bytes,
        max_concurrency=max_concurrency,
        capabilities=CAPABILITIES,
    )


BUILT_IN = {
    "tone": (_info("tone", 1_000_000), {}),
    "tone-slow": (_info("tone-slow", 1_000_000), {"load_ms": "300", "rtf": "0.5"}),
    "tone-big": (_info("tone-big", 4_000_000_000), {}),
    "tone-solo": (_info("tone-solo", 1_000_000, max_concurrency=1), {}),
}


@hookimpl
def tts_list_models(settings: AdapterSettings) -> list[ModelInfo]:
    built_in = [info for info, _ in BUILT_IN.values()]
    return built_in + [found.info for found in disk.models(settings.model_dirs, BUILT_IN["tone"][0])]


@hookimpl
def tts_load_model(model_id: str, device: str, settings: AdapterSettings) -> Model:
    on_disk = {found.info.id: found for found in disk.models(settings.model_dirs, BUILT_IN["tone"][0])}
    if model_id in on_disk:
        found = on_disk[model_id]
        info, own_options, pitch_hz = found.info, found.options, found.pitch_hz
    elif model_id in BUILT_IN:
        (info, own_options), pitch_hz = BUILT_IN[model_id], 0.0
    else:
        known = [*BUILT_IN, *on_disk]
        raise UnknownModel(f"no model {model_id!r}; there are: {', '.join(known)}", subject=model_id, allowed=known)
    options = {**own_options, **settings.options}
    faults.while_loading(options)
    return ToneModel(info, options, pitch_hz)


class ToneModel(Model):
    """Speaks in sines. `pitch_hz`, if not zero, is the pitch of every voice."""

    def __init__(self, info: ModelInfo, options: dict[str, str], pitch_hz: float = 0.0) -> None:
        super().__init__(info)
        self._options = options
        self._pitch_hz = pitch_hz

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        return self.synthesize_stream(request, [request.text])

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        return faults.while_speaking(self._speak(request, texts), {**self._options, **request.options})

    def _speak(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        """One chunk a word: the pause before it, and the word's mark on the sample where its beep begins."""
        pitch_hz = self._pitch_hz or PITCHES_HZ[self.info.voice(request.voice).id]
        rate_hz, position = self.info.native_rate_hz, 0
        for word in words(texts):
            silence = pause(word.pause_ms, request.speed, rate_hz)
            sound = beep(word.text, pitch_hz, request.speed, rate_hz)
            mark = TextMark(word.offset, len(word.text), position + len(silence))
            yield PcmChunk.from_float(np.concatenate([silence, sound]), rate_hz, (mark,))
            position += len(silence) + len(sound)
        if not position:
            raise BadText("there is no word to speak in the text; send letters or digits", subject=request.text[:80])
