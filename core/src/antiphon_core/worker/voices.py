"""Who shall speak: a voice's public id, a language and a pace, checked against the models there are. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from antiphon_core.errors import BadRequest, UnknownModel, Unsupported
from antiphon_core.models import MAX_SPEED, MIN_SPEED, Capability, ModelInfo, VoiceInfo
from antiphon_core.utterance import Start

MAX_UTTERANCE_ID_CHARS = 128


@dataclass(frozen=True, slots=True)
class Speaker:
    """A model, one of its voices and the language it shall speak."""

    model: ModelInfo
    voice: VoiceInfo
    language: str

    @property
    def public_id(self) -> str:
        return f"{self.model.id}/{self.voice.id}"


def choose_speaker(start: Start, models: Mapping[str, ModelInfo], default_model: str) -> Speaker:
    """The speaker that a Start asks for, or the condition that forbids it."""
    if len(start.utterance_id) > MAX_UTTERANCE_ID_CHARS:
        raise BadRequest(
            f"utterance_id has {len(start.utterance_id)} characters; at most {MAX_UTTERANCE_ID_CHARS} are allowed",
            subject="utterance_id",
        )
    model, voice = _voice(start.voice, models, default_model)
    _check_speed(start.speed, model)
    return Speaker(model, voice, _language(start.language, model, voice))


def known_model(model_id: str, models: Mapping[str, ModelInfo]) -> ModelInfo:
    """The model of that id."""
    if model_id not in models:
        raise UnknownModel(
            f"there is no model {model_id!r} here; there are: {', '.join(models)}",
            subject=model_id,
            allowed=tuple(models),
        )
    return models[model_id]


def _voice(asked: str, models: Mapping[str, ModelInfo], default_model: str) -> tuple[ModelInfo, VoiceInfo]:
    # A model's id may itself hold a slash.
    if not asked or asked in models:
        model = known_model(asked or default_model, models)
        return model, model.voice("")
    model_id, slash, voice_id = asked.rpartition("/")
    model = known_model(model_id if slash else asked, models)
    return model, model.voice(voice_id)


def _language(asked: str, model: ModelInfo, voice: VoiceInfo) -> str:
    if not asked:
        return voice.languages[0] if voice.languages else "und"
    wanted = asked.lower()
    for language in voice.languages:
        if language.lower() == wanted:
            return language
    for language in voice.languages:
        if language.lower().split("-")[0] == wanted.split("-")[0]:
            return language
    raise Unsupported(
        f"voice {model.id}/{voice.id} does not speak {asked!r}; it speaks: {', '.join(voice.languages)}",
        subject=asked,
        allowed=voice.languages,
    )


def _check_speed(speed: float, model: ModelInfo) -> None:
    if not math.isfinite(speed) or not MIN_SPEED <= speed <= MAX_SPEED:
        raise BadRequest(f"speed {speed:g} is not allowed; it is {MIN_SPEED} to {MAX_SPEED:g}", subject="speed")
    if speed != 1.0 and Capability.SPEED not in model.capabilities:
        raise Unsupported(f"model {model.id!r} speaks at its own pace only; leave speed at 1", subject="speed")
