"""A session.update changes what it names and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from antiphon_orchestrator.api.realtime.faults import fault_of
from antiphon_orchestrator.session.config import Pcmu, SemanticVad, ServerVad, SessionConfig, Transcription
from pydantic import ValidationError


def test_what_an_update_leaves_out_stays() -> None:
    config = SessionConfig().updated({"instructions": "Be brief.", "audio": {"output": {"speed": 1.5}}})
    config = config.updated({"audio": {"output": {"voice": "tone/low"}}})
    assert (config.instructions, config.audio.output.speed, config.audio.output.voice_name) == (
        "Be brief.",
        1.5,
        "tone/low",
    )


def test_a_voice_may_be_an_object_with_an_id() -> None:
    assert SessionConfig().updated({"audio": {"output": {"voice": {"id": "v"}}}}).audio.output.voice_name == "v"


def test_no_turn_detection_means_push_to_talk() -> None:
    assert SessionConfig().updated({"audio": {"input": {"turn_detection": None}}}).audio.input.turn_detection is None


def test_null_resets_a_field_to_its_default() -> None:
    config = SessionConfig().updated({"instructions": "x", "tools": [{"type": "function", "name": "f"}]})
    assert config.updated({"instructions": None, "tools": None}) == SessionConfig()


def test_another_kind_of_turn_detection_starts_from_its_own_defaults() -> None:
    config = SessionConfig().updated(
        {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}}}
    )
    assert config.audio.input.turn_detection == SemanticVad(eagerness="low")
    config = config.updated({"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}}})
    assert config.audio.input.turn_detection == ServerVad(threshold=0.7)


def test_telephone_formats_are_known() -> None:
    assert isinstance(
        SessionConfig().updated({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}).audio.input.format, Pcmu
    )


@pytest.mark.parametrize(
    ("patch", "code", "param"),
    [
        ({"foo": 1}, "unknown_parameter", "session.foo"),
        ({"audio": {"output": {"speed": "x"}}}, "invalid_type", "session.audio.output.speed"),
        ({"audio": {"output": {"speed": 9}}}, "invalid_value", "session.audio.output.speed"),
        ({"audio": {"output": {"voice": 3}}}, "invalid_type", "session.audio.output.voice"),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}},
            "invalid_value",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "vad"}}}},
            "invalid_value",
            "session.audio.input.turn_detection.type",
        ),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
            "invalid_value",
            "session.audio.input.format.rate",
        ),
    ],
)
def test_a_bad_update_names_its_field(patch: dict[str, Any], code: str, param: str) -> None:
    current = SessionConfig()
    with pytest.raises(ValidationError) as caught:
        current.updated(patch)
    fault = fault_of(caught.value, current.merged(patch), "session")
    assert (fault.code, fault.param) == (code, param)


def test_a_transcription_tells_only_the_fields_that_were_given() -> None:
    config = SessionConfig().updated({"audio": {"input": {"transcription": {"model": "whisper-1", "prompt": None}}}})
    assert config.model_dump()["audio"]["input"]["transcription"] == {"model": "whisper-1"}
    assert config.updated({"instructions": "Sing."}).audio.input.transcription == Transcription(model="whisper-1")
