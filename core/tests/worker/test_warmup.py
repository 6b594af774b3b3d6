from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from antiphon_core.audio import PcmChunk
from antiphon_core.errors import AntiphonError, BadText, CannotLoad
from antiphon_core.models import Model, SpeechRequest, VoiceInfo
from antiphon_core.testkit.clock import VirtualClock
from antiphon_core.worker.loudness import TARGET_LUFS, measure_lufs
from antiphon_core.worker.warmup import BUDGET_S, sample_sentence, warm_up
from worker import scripted

VOICES = (VoiceInfo("soft", ("en",)), VoiceInfo("loud", ("de-AT",)), VoiceInfo("mute", ()))
INFO = replace(scripted.BUILT_IN[0], voices=VOICES, default_voice="loud")
PEAKS = {"soft": 500, "loud": 8_000, "mute": 2_000}


class Choir(Model):
    """Voices of different loudness, each of which takes its time."""

    def __init__(self, clock: VirtualClock, takes_s: float = 0.0) -> None:
        super().__init__(INFO)
        self.asked: list[SpeechRequest] = []
        self._clock = clock
        self._takes_s = takes_s

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        self.asked.append(request)
        self._clock.advance(self._takes_s)
        wave = PEAKS[request.voice] * np.sin(2 * np.pi * 500 * np.arange(24_000) / 24_000)
        yield PcmChunk(wave.astype(np.int16), 24_000)


def test_every_voice_gets_the_gain_that_brings_it_to_the_houses_level() -> None:
    gains_db = warm_up(Choir(VirtualClock()))
    for voice, peak in PEAKS.items():
        wave = (peak * 10 ** (gains_db[voice] / 20) * np.sin(2 * np.pi * 500 * np.arange(24_000) / 24_000)).astype(
            np.int16
        )
        assert measure_lufs(wave, 24_000) == pytest.approx(TARGET_LUFS, abs=0.2) or gains_db[voice] == 20


def test_the_default_voice_comes_first_and_each_speaks_its_own_language() -> None:
    choir = Choir(VirtualClock())
    warm_up(choir)
    assert [(request.voice, request.language) for request in choir.asked] == [
        ("loud", "de-AT"),
        ("soft", "en"),
        ("mute", "und"),
    ]
    assert choir.asked[0].text.startswith("Der schnelle")
    assert choir.asked[2].text == sample_sentence("en") == sample_sentence("xx-YY")


def test_a_slow_engine_is_not_kept_from_its_callers_by_voices_beyond_the_default() -> None:
    clock = VirtualClock()
    choir = Choir(clock, takes_s=BUDGET_S * 0.6)
    assert [*warm_up(choir, clock)] == ["loud", "soft", "mute"]
    slow = Choir(clock, takes_s=BUDGET_S)
    assert [*warm_up(slow, clock)] == ["loud", "soft"]


def test_an_engine_that_says_nothing_cannot_be_loaded() -> None:
    class Silent(Choir):
        def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
            return iter(())

    with pytest.raises(CannotLoad, match="loads but voice 'loud' says nothing"):
        warm_up(Silent(VirtualClock()))


@pytest.mark.parametrize(
    ("error", "condition", "says"),
    [
        (KeyError("phoneme"), CannotLoad, "loads but cannot speak with voice 'loud': KeyError: 'phoneme'"),
        (BadText("no words"), BadText, "no words"),
    ],
)
def test_an_engine_that_raises_at_its_first_words_says_so(
    error: Exception, condition: type[AntiphonError], says: str
) -> None:
    class Broken(Choir):
        def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
            raise error

    with pytest.raises(condition, match=says):
        warm_up(Broken(VirtualClock()))
