from __future__ import annotations

import numpy as np
import pytest
from antiphon_orchestrator.asr.listening import Listening
from antiphon_orchestrator.ports import HeardSamples
from antiphon_orchestrator.session.hearing import Hearing, Loudness
from antiphon_orchestrator.testing.ears import ScriptedAsr
from antiphon_orchestrator.turn.endpoint import WINDOW_SAMPLES, Endpoint


class AlwaysSpeech:
    """A voice detector that lags for ever."""

    window_samples = WINDOW_SAMPLES

    def probability(self, window: HeardSamples) -> float:
        return 0.9

    def reset(self) -> None: ...


def sound(level_db: float) -> HeardSamples:
    return np.full(WINDOW_SAMPLES, 10 ** (level_db / 20), np.float32)


@pytest.mark.parametrize(("level_db", "heard"), [(-10, True), (-40, True), (-44, True), (-46, False), (-90, False)])
def test_what_is_35_db_below_the_loudest_sound_is_silence(level_db: float, heard: bool) -> None:
    loudness = Loudness()
    assert loudness.hear(sound(-10))
    assert loudness.hear(sound(level_db)) is heard


def test_a_new_stretch_of_speech_may_be_as_soft_as_it_likes() -> None:
    loudness = Loudness()
    loudness.hear(sound(-10))
    loudness.begin()
    assert loudness.hear(sound(-60))


async def test_speech_has_ended_when_nothing_is_left_of_it_however_long_the_detector_lags() -> None:
    listening = Listening(ScriptedAsr(), lambda text: None, lambda: 0.0)
    hearing = Hearing(AlwaysSpeech(), Endpoint(), listening, lambda event: None)
    hearing.feed(sound(-10))
    turn = listening.begin(0)
    hearing.endpoint.hasty = True
    hearing.feed(np.concatenate([sound(-10), sound(-20), sound(-60), sound(-80)]))
    assert turn.speech_samples == 3 * WINDOW_SAMPLES
    hearing.endpoint.hasty = False
    hearing.feed(sound(-80))
    assert turn.speech_samples == 4 * WINDOW_SAMPLES
