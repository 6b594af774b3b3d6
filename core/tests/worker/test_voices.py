from __future__ import annotations

import math

import pytest
from antiphon_core.errors import BadRequest, UnknownModel, UnknownVoice, Unsupported
from antiphon_core.models import Capability, ModelInfo, VoiceInfo
from antiphon_core.utterance import Start
from antiphon_core.worker.voices import Speaker, choose_speaker


def model(model_id: str, *voices: VoiceInfo, default_voice: str = "", quick: bool = False) -> ModelInfo:
    capabilities = frozenset({Capability.SPEED}) if quick else frozenset[Capability]()
    return ModelInfo(model_id, voices, 24_000, "MIT", 1, default_voice=default_voice, capabilities=capabilities)


ANNA, BERT = VoiceInfo("anna", ("en-US", "en-GB", "de")), VoiceInfo("bert", ("fr",))
MODELS = {
    "small": model("small", ANNA, BERT, default_voice="bert", quick=True),
    "org/large": model("org/large", ANNA),
    "mute": model("mute", VoiceInfo("nobody", ())),
}


def choose(voice: str = "", **more: object) -> Speaker:
    return choose_speaker(Start(voice=voice, **more), MODELS, "small")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ("", "small/bert"),
        ("small", "small/bert"),
        ("small/anna", "small/anna"),
        ("org/large", "org/large/anna"),
        ("org/large/anna", "org/large/anna"),
    ],
)
def test_a_voice_is_found_by_its_public_id(asked: str, chosen: str) -> None:
    assert choose(asked).public_id == chosen


def test_an_unknown_model_lists_those_there_are() -> None:
    with pytest.raises(UnknownModel, match="no model 'tiny' here; there are: small, org/large, mute") as unknown:
        choose("tiny/anna")
    assert unknown.value.allowed == tuple(MODELS)


def test_an_unknown_voice_lists_those_of_its_model() -> None:
    with pytest.raises(UnknownVoice) as unknown:
        choose("small/carl")
    assert unknown.value.allowed == ("small/anna", "small/bert")


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [("", "en-US"), ("en-gb", "en-GB"), ("en", "en-US"), ("en-AU", "en-US"), ("de-CH", "de"), ("DE", "de")],
)
def test_a_language_is_the_nearest_that_the_voice_speaks(asked: str, spoken: str) -> None:
    assert choose("small/anna", language=asked).language == spoken


def test_a_language_that_a_voice_does_not_speak_lists_those_it_does() -> None:
    with pytest.raises(Unsupported, match="does not speak 'ja'; it speaks: en-US, en-GB, de"):
        choose("small/anna", language="ja")


def test_a_voice_that_tells_no_language_speaks_an_undetermined_one() -> None:
    assert choose("mute").language == "und"


@pytest.mark.parametrize("speed", [0.2, 4.1, -1.0, math.nan, math.inf])
def test_a_speed_out_of_range_is_refused(speed: float) -> None:
    with pytest.raises(BadRequest, match=r"it is 0\.25 to 4"):
        choose(speed=speed)


def test_a_model_that_has_one_pace_only_refuses_another() -> None:
    choose("org/large", speed=1.0)
    with pytest.raises(Unsupported, match="own pace"):
        choose("org/large", speed=1.5)


def test_a_long_utterance_id_is_refused() -> None:
    choose(utterance_id="x" * 128)
    with pytest.raises(BadRequest, match="at most 128"):
        choose(utterance_id="x" * 129)
