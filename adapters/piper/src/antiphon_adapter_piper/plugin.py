"""The adapter: Piper's voices, from the catalogue and from the operator's own folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from antiphon_core.audio import PcmChunk, TextMark
from antiphon_core.errors import BadText, UnknownModel
from antiphon_core.hookspecs import hookimpl
from antiphon_core.models import AdapterSettings, Capability, Model, ModelInfo, SpeechRequest

from antiphon_adapter_piper.catalogue import catalogued
from antiphon_adapter_piper.clauses import pieces
from antiphon_adapter_piper.options import scales, wants_timings
from antiphon_adapter_piper.own import OwnVoice, own_voices
from antiphon_adapter_piper.reader import Reader, Said
from antiphon_adapter_piper.shares import shares_of
from antiphon_adapter_piper.words import word_marks

if TYPE_CHECKING:
    from piper import PiperVoice


@hookimpl
def tts_list_models(settings: AdapterSettings) -> list[ModelInfo]:
    own = {model_id: voice.info for model_id, voice in _own(settings).items()}
    return [*(catalogued(timings=wants_timings(settings.options), copies=_copies(settings)) | own).values()]


@hookimpl
def tts_load_model(model_id: str, device: str, settings: AdapterSettings) -> Model:
    known = {info.id: info for info in tts_list_models(settings)}
    if model_id not in known:
        raise UnknownModel(f"no model {model_id!r}; there are: {', '.join(known)}", subject=model_id, allowed=[*known])
    info = known[model_id]
    own = _own(settings).get(model_id)
    if own:
        own.require_sound()
    network = own.network if own else settings.files.get(info.files) / f"{model_id}.onnx"
    from antiphon_adapter_piper.network import load_voice

    marked = Capability.WORD_TIMINGS in info.capabilities
    # A graphics card is not divided by threads, and has room for one copy.
    shares = shares_of(settings.threads) if device == "cpu" else [settings.threads]
    return PiperModel(info, load_voice(network, device, shares, timings=marked), settings)


def _own(settings: AdapterSettings) -> dict[str, OwnVoice]:
    return own_voices(settings.model_dirs, timings=wants_timings(settings.options), copies=_copies(settings))


def _copies(settings: AdapterSettings) -> int:
    return len(set(shares_of(settings.threads)))


class PiperModel(Model):
    """One network, which several threads may ask at once."""

    def __init__(self, info: ModelInfo, voice: PiperVoice, settings: AdapterSettings) -> None:
        super().__init__(info)
        self._voice: PiperVoice | None = voice
        self._scales = scales(settings.options)
        numbers = sorted(voice.config.speaker_id_map.values()) or range(voice.config.num_speakers)
        self._speakers = {speaker.id: number for speaker, number in zip(info.voices, numbers, strict=True)}

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        speaker = self._speakers[self.info.voice(request.voice).id]
        reader = Reader(self._loaded(), speaker, request.speed, self._scales | scales(request.options))
        spoken = 0
        for offset, text in pieces(request.text):
            said = reader.say(text)
            if len(said.wave):
                marks = self._marks(text, said, reader)
                placed = tuple(_placed(mark, offset, spoken) for mark in marks)
                yield PcmChunk.from_float(said.wave, self.info.native_rate_hz, placed)
                spoken += len(said.wave)
        if not spoken:
            raise BadText("there is nothing in the text that the voice can say", subject=request.text[:80])

    def close(self) -> None:
        self._voice = None

    def _marks(self, text: str, said: Said, reader: Reader) -> tuple[TextMark, ...]:
        if Capability.WORD_TIMINGS not in self.info.capabilities:
            return ()
        return word_marks(text, said.sounds, reader.phonemes)

    def _loaded(self) -> PiperVoice:
        if self._voice is None:
            raise RuntimeError("the model was closed")
        return self._voice


def _placed(mark: TextMark, offset: int, samples: int) -> TextMark:
    """A piece's mark as one of the whole utterance."""
    return replace(mark, text_offset=mark.text_offset + offset, sample_offset=mark.sample_offset + samples)
