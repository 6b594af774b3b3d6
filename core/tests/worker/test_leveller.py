from __future__ import annotations

import numpy as np
import pytest
from antiphon_core.audio import Samples
from antiphon_core.worker.leveller import Leveller
from hypothesis import given
from hypothesis import strategies as st

RATE_HZ = 24_000
CEILING = 32767 * 10 ** (-1 / 20)
gains_db = st.floats(-20, 24)


def levelled(samples: Samples, gain_db: float, cuts: list[int] | None = None) -> Samples:
    leveller = Leveller(RATE_HZ, gain_db)
    return np.concatenate([*map(leveller.push, np.split(samples, sorted(cuts or []))), leveller.finish()])


def noise(seed: int, count: int) -> Samples:
    """Quiet, with loud bursts."""
    rng = np.random.default_rng(seed)
    bursts = np.repeat(rng.choice([0.02, 0.02, 1.0], -(-count // 200)), 200)[:count]
    return np.asarray(rng.uniform(-32768, 32767, count) * bursts, np.int16)


@given(gains_db, st.integers(0, 3_000), st.integers(0, 2**31), st.lists(st.integers(0, 3_000), max_size=10))
def test_chunking_changes_no_bit_and_no_sample_is_lost(gain_db: float, count: int, seed: int, cuts: list[int]) -> None:
    samples = noise(seed, count)
    whole = levelled(samples, gain_db)
    assert len(whole) == count
    assert np.array_equal(levelled(samples, gain_db, [min(cut, count) for cut in cuts]), whole)


@given(gains_db, st.integers(1, 3_000), st.integers(0, 2**31))
def test_nothing_exceeds_the_ceiling(gain_db: float, count: int, seed: int) -> None:
    assert np.abs(levelled(noise(seed, count), gain_db).astype(int)).max() <= round(CEILING)


@given(gains_db, st.integers(1, 3_000), st.integers(0, 2**31))
def test_away_from_peaks_output_is_gain_times_input(gain_db: float, count: int, seed: int) -> None:
    samples = noise(seed, count)
    raised = samples * np.float32(10 ** (gain_db / 20))
    peaks = np.flatnonzero(np.abs(raised) > CEILING - 1)
    untouched = np.ones(count, dtype=bool)
    for peak in peaks:
        untouched[max(0, peak - RATE_HZ // 1000) : peak + RATE_HZ * 12 // 1000] = False
    assert np.array_equal(levelled(samples, gain_db)[untouched], np.rint(raised)[untouched])


def test_without_gain_what_is_below_the_ceiling_passes_bit_exact() -> None:
    samples = np.arange(-29_000, 29_000, 7, dtype=np.int16)
    assert np.array_equal(levelled(samples, 0.0), samples)


def test_a_loud_vowel_is_turned_down_evenly_and_not_bent() -> None:
    vowel = 20_000 * np.sin(2 * np.pi * 110 * np.arange(RATE_HZ) / RATE_HZ)
    made = levelled(np.rint(vowel).astype(np.int16), 12.0).astype(float)[2_400:-2_400]
    wanted = vowel[2_400:-2_400] * (made.max() / 20_000)
    assert np.abs(made - wanted).max() < 0.01 * CEILING


def test_the_gain_comes_down_within_a_millisecond_before_a_peak_and_without_a_step() -> None:
    samples = np.full(4_800, 1_000, np.int16)
    samples[2_400] = 32_000
    made = levelled(samples, 6.0)
    assert made[2_400] == pytest.approx(CEILING, rel=0.01)
    steps = np.abs(np.diff(np.delete(made, 2_400).astype(int)))
    assert steps.max() < 100
    assert np.flatnonzero(steps)[0] + 1 >= 2_400 - 24


def test_after_a_peak_the_gain_waits_for_the_next_one_and_comes_back_once() -> None:
    samples = np.full(4_800, 1_000, np.int16)
    samples[2_400] = 32_000
    after = levelled(samples, 6.0)[2_401:].astype(int)
    assert np.all(np.diff(after) >= 0)
    assert after[240 - 1] == after[0]
    assert after[240 + 24] == after[-1] == round(1_000 * 10 ** (6 / 20))


def test_it_holds_back_a_millisecond() -> None:
    assert len(Leveller(RATE_HZ).push(noise(0, 480))) == 480 - 24


def test_full_negative_scale_is_a_peak() -> None:
    assert levelled(np.full(480, -32_768, np.int16), 0.0).min() == -round(CEILING)
