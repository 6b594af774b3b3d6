"""The demonstration's script."""

from __future__ import annotations

from typing import cast

from antiphon_orchestrator.cli.caller import Call, Told
from antiphon_orchestrator.cli.interview import has_answered
from websockets.asyncio.client import ClientConnection


def call_that_was_told(*told: Told) -> Call:
    return Call(cast(ClientConnection, None), 0.0, list(told))


def test_an_answer_that_gave_way_before_its_first_sound_is_none() -> None:
    silent = Told(2.0, {"type": "response.done", "response": {"id": "a"}})
    sound = Told(3.0, {"type": "response.output_audio.delta", "response_id": "b"})
    done = Told(4.0, {"type": "response.done", "response": {"id": "b"}})
    assert not has_answered(call_that_was_told(silent, sound), 0.0)
    assert has_answered(call_that_was_told(silent, sound, done), 0.0)
    assert not has_answered(call_that_was_told(silent, sound, done), 5.0)
