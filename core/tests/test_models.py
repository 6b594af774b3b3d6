"""What a model says of itself makes sense, or is refused."""

from __future__ import annotations

from typing import Any

import pytest
from antiphon_core.errors import UnknownVoice, Unsupported
from antiphon_core.models import Model, ModelInfo, SpeechRequest, VoiceInfo

VOICES = (VoiceInfo("high", ("en",)), VoiceInfo("low", ("de",)))


def info(**changes: Any) -> ModelInfo:
    given: dict[str, Any] = {"id": "choir", "voices": VOICES, "native_rate_hz": 24_000, "licence": "MIT"}
    return ModelInfo(**{**given, "size_bytes": 1, **changes})


def test_the_first_voice_is_the_default_unless_another_is_named() -> None:
    assert info().voice("").id == "high"
    assert info(default_voice="low").voice("").id == "low"
    assert info().voice("low").id == "low"


def test_an_unknown_voice_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownVoice, match="choir/high, choir/low") as refused:
        info().voice("middle")
    assert refused.value.allowed == ("choir/high", "choir/low")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"voices": ()}, "declares no voice"),
        ({"max_concurrency": 0}, "declares max_concurrency 0"),
    ],
)
def test_a_description_without_sense_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        info(**changes)


def test_a_default_voice_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownVoice, match="'middle'"):
        info(default_voice="middle")


def test_a_model_that_cannot_speak_yet_says_so() -> None:
    model = Model(info())
    request = SpeechRequest("hello", "high", "en")
    with pytest.raises(Unsupported, match="does not implement synthesize"):
        model.synthesize(request)
    with pytest.raises(Unsupported, match="does not take streamed text"):
        model.synthesize_stream(request, ["hello"])
    model.close()
