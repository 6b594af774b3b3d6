from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from antiphon_orchestrator.fade import FADE_MS, energy, ramped
from hypothesis import given
from hypothesis import strategies as st

PCM = np.full(480, 20_000, dtype="<i2").tobytes()


def samples(pcm: bytes) -> list[int]:
    return [int(sample) for sample in np.frombuffer(pcm, "<i2")]


def test_a_fade_out_reaches_silence_in_time_without_a_step() -> None:
    faded = samples(ramped(PCM, 24_000, 1.0, 0.0))
    assert faded[0] == 20_000
    assert not any(faded[24 * FADE_MS :])
    assert max(abs(a - b) for a, b in pairwise(faded)) < 200


def test_a_fade_in_begins_with_silence_and_ends_unchanged() -> None:
    faded = samples(ramped(PCM, 24_000, 0.0, 1.0))
    assert faded[0] == 0
    assert set(faded[24 * FADE_MS :]) == {20_000}


@pytest.mark.parametrize("rate_hz", [8_000, 48_000])
def test_a_steady_gain_changes_every_sample_alike(rate_hz: int) -> None:
    assert set(samples(ramped(PCM, rate_hz, 0.25, 0.25))) == {5_000}


@given(st.binary(min_size=2, max_size=400).filter(lambda pcm: len(pcm) % 2 == 0), st.floats(0, 1), st.floats(0, 1))
def test_no_gain_up_to_one_makes_anything_louder(pcm: bytes, start: float, end: float) -> None:
    quieter = samples(ramped(pcm, 8_000, start, end))
    assert all(abs(after) <= abs(before) for before, after in zip(samples(pcm), quieter, strict=True))


def test_louder_frames_have_more_energy() -> None:
    assert energy(PCM) > energy(ramped(PCM, 24_000, 0.5, 0.5)) > energy(bytes(960)) == 0
