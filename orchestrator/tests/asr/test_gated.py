from __future__ import annotations

import numpy as np
import pytest
from antiphon_orchestrator.asr.gated import GatedAsr, holds_speech
from antiphon_orchestrator.ports import HeardSamples
from antiphon_orchestrator.testing import voice
from antiphon_orchestrator.testing.ears import ScriptedAsr, ScriptedVad


class CountingVad(ScriptedVad):
    windows = 0

    def probability(self, window: HeardSamples) -> float:
        self.windows += 1
        return super().probability(window)


async def test_what_is_no_speech_never_reaches_the_recogniser() -> None:
    asr = ScriptedAsr()
    gated = GatedAsr(asr, ScriptedVad)
    for audio in (voice.silence(16_000), voice.noise(16_000), voice.speak("ah")):
        assert (await gated.transcribe(audio)).text == ""
    assert asr.calls == []
    gated.close()


async def test_speech_reaches_it_with_all_that_was_asked() -> None:
    asr = ScriptedAsr(max_samples=99_000)
    gated = GatedAsr(asr, ScriptedVad)
    heard = await gated.transcribe(voice.speak("hello"), language="en", prompt="greetings", urgent=False)
    assert heard.text == "hello"
    (call,) = asr.calls
    assert (call.language, call.prompt, call.urgent) == ("en", "greetings", False)
    assert gated.max_samples == 99_000
    gated.close()


def test_no_more_is_heard_than_needed() -> None:
    vad = CountingVad()
    assert holds_speech(np.concatenate([voice.silence(5_120), voice.speak("a" * 100)]), vad, lambda: False)
    assert vad.windows == 14


def test_speech_in_a_last_short_window_counts() -> None:
    audio = np.concatenate([voice.silence(512), voice.speak("hell")[: 3 * 512 + 300]])
    assert holds_speech(audio, ScriptedVad(), lambda: False)


@pytest.mark.parametrize("windows", [3, 4])
def test_128_ms_of_speech_are_needed(windows: int) -> None:
    audio = np.concatenate([voice.speak("hello")[: windows * 512], voice.silence(5_120)])
    assert holds_speech(audio, ScriptedVad(), lambda: False) is (windows == 4)


def test_a_stopped_gate_looks_no_further() -> None:
    vad = CountingVad()
    assert not holds_speech(voice.silence(16_000), vad, lambda: True)
    assert vad.windows == 1
