"""Names that clients send by habit."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import pytest
from antiphon_orchestrator.aliases import Aliases
from openai.types.audio.speech_model import SpeechModel
from openai.types.audio_model import AudioModel
from openai.types.realtime import AudioTranscription, RealtimeAudioConfigOutput, RealtimeSessionCreateRequest


def names_in(annotation: Any) -> list[str]:
    """The literals somewhere in a type."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [name for part in get_args(annotation) for name in names_in(part)]


@pytest.mark.parametrize("name", names_in(RealtimeSessionCreateRequest.model_fields["model"].annotation))
def test_every_realtime_model_of_the_sdk_means_the_servers_own(name: str) -> None:
    assert Aliases().mind(name) == ""


@pytest.mark.parametrize("name", names_in(SpeechModel))
def test_every_speech_model_of_the_sdk_means_the_servers_own(name: str) -> None:
    assert Aliases().voice(name, "") == ""


@pytest.mark.parametrize("name", names_in(RealtimeAudioConfigOutput.model_fields["voice"].annotation))
def test_every_voice_of_the_sdk_means_the_servers_own(name: str) -> None:
    assert Aliases().voice("", name) == ""


@pytest.mark.parametrize(
    "name", sorted({*names_in(AudioModel), *names_in(AudioTranscription.model_fields["model"].annotation)})
)
def test_every_recogniser_of_the_sdk_means_the_servers_own(name: str) -> None:
    assert Aliases().recognisers.get(name) == ""


def test_a_model_and_a_voice_of_ours_name_each_other() -> None:
    aliases = Aliases()
    assert aliases.voice("tone", "low") == "tone/low"
    assert aliases.voice("tone", "") == "tone"
    assert aliases.voice("tone", "other/high") == "other/high"
