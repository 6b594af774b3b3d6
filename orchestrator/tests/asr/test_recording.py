from __future__ import annotations

import numpy as np
import pytest
from antiphon_orchestrator.asr.recording import transcribe_recording
from antiphon_orchestrator.testing import voice
from antiphon_orchestrator.testing.ears import ScriptedAsr

WORDS = [f"word{number}" for number in range(60)]


@pytest.mark.parametrize("max_samples", [20_000, 48_000, 480_000])
async def test_a_recording_of_any_length_is_understood(max_samples: int) -> None:
    recording = np.concatenate([np.concatenate([voice.speak(word), voice.silence(1_600)]) for word in WORDS])
    asr = ScriptedAsr(max_samples=max_samples)
    heard = await transcribe_recording(asr, recording, language="en", prompt="numbers")
    assert heard.text.replace(" ", "") == "".join(WORDS)
    assert {(call.language, call.prompt) for call in asr.calls} == {("en", "numbers")}


async def test_an_empty_recording_has_no_words() -> None:
    assert (await transcribe_recording(ScriptedAsr(), voice.silence(0))).text == ""


async def test_the_language_that_was_found_is_told() -> None:
    assert (await transcribe_recording(ScriptedAsr(), voice.speak("hello"))).language == "en"
