from __future__ import annotations

import numpy as np
from antiphon_orchestrator.asr.drafts import Drafts
from antiphon_orchestrator.ports import HeardSamples
from antiphon_orchestrator.testing import voice


def speech(seed: int, samples: int = 16_000) -> HeardSamples:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_audio_that_goes_on_finds_what_was_written_for_its_beginning() -> None:
    drafts = Drafts()
    drafts.keep(speech(1)[:8_000], [5, 6])
    drafts.keep(speech(2)[:8_000], [7])
    assert drafts.of(speech(1)) == [5, 6]
    assert drafts.of(speech(3)) == ()


def test_the_last_transcript_counts() -> None:
    drafts = Drafts()
    drafts.keep(speech(1)[:8_000], [5])
    drafts.keep(speech(1), [5, 6])
    assert drafts.of(speech(1)) == [5, 6]


def test_silence_drafts_nothing() -> None:
    drafts = Drafts()
    drafts.keep(voice.silence(16_000), [5])
    assert drafts.of(voice.silence(16_000)) == ()


def test_the_oldest_are_forgotten() -> None:
    drafts = Drafts()
    for seed in range(300):
        drafts.keep(speech(seed, 4_800), [seed])
    assert drafts.of(speech(0, 4_800)) == ()
    assert drafts.of(speech(299, 4_800)) == [299]
