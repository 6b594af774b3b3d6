from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from antiphon_core.audio import Samples
from antiphon_core.resample import Resampler
from av.filter import Graph
from hypothesis import given
from hypothesis import strategies as st

RATES_HZ = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
TASKS = Path("/proc/self/task")
rates = st.sampled_from(RATES_HZ)


def tone(rate_hz: int, count: int, hz: float = 440.0) -> Samples:
    return np.asarray(np.rint(12_000 * np.sin(2 * np.pi * hz * np.arange(count) / rate_hz)), np.int16)


def resampled(samples: Samples, in_rate_hz: int, out_rate_hz: int, cuts: Iterable[int] = ()) -> Samples:
    resampler = Resampler(in_rate_hz, out_rate_hz)
    parts = [resampler.push(part) for part in np.split(samples, sorted(cuts))]
    return np.concatenate([*parts, resampler.finish()])


@given(rates, rates, st.integers(0, 3_000), st.lists(st.integers(0, 3_000), max_size=12), st.integers(0, 2**31))
def test_chunking_changes_no_bit_and_no_sample_is_lost(
    in_rate_hz: int, out_rate_hz: int, count: int, cuts: list[int], seed: int
) -> None:
    noise = np.random.default_rng(seed).integers(-32768, 32768, count).astype(np.int16)
    whole = resampled(noise, in_rate_hz, out_rate_hz)
    assert np.array_equal(resampled(noise, in_rate_hz, out_rate_hz, [min(cut, count) for cut in cuts]), whole)
    assert 0 <= len(whole) - count * out_rate_hz / in_rate_hz < 1


def test_equal_rates_pass_bit_exact() -> None:
    samples = tone(24_000, 5_000)
    assert np.array_equal(resampled(samples, 24_000, 24_000, [1, 700]), samples)


@pytest.mark.parametrize("in_rate_hz", RATES_HZ)
@pytest.mark.parametrize("out_rate_hz", [8_000, 16_000, 24_000, 48_000])
def test_a_tone_stays_where_it_was_in_time_and_clean(in_rate_hz: int, out_rate_hz: int) -> None:
    made = resampled(tone(in_rate_hz, in_rate_hz), in_rate_hz, out_rate_hz)[500:-500].astype(float)
    wanted = tone(out_rate_hz, out_rate_hz)[500 : 500 + len(made)]
    power, noise = np.mean(wanted.astype(float) ** 2), np.mean((made - wanted) ** 2)
    assert noise < power * 10**-7.4


def test_a_click_in_the_last_sample_is_heard() -> None:
    click = np.zeros(2_400, np.int16)
    click[-1] = 20_000
    assert resampled(click, 24_000, 48_000)[-3:].max() > 10_000


def test_full_scale_saturates_instead_of_wrapping() -> None:
    square = np.where(np.arange(4_000) // 40 % 2, 32_767, -32_768).astype(np.int16)
    made = resampled(square, 24_000, 48_000)
    middles = made.reshape(-1, 80)[:, 20:60]
    assert np.array_equal(np.sign(middles), np.where(np.arange(100) % 2, 1, -1)[:, None].repeat(40, axis=1))


def test_less_than_a_millisecond_is_held_back() -> None:
    assert len(Resampler(24_000, 48_000).push(tone(24_000, 480))) > 960 - 48


@pytest.mark.skipif(
    not hasattr(Graph, "threads"), reason="this PyAV cannot keep FFmpeg from starting threads; 17.1 can"
)
@pytest.mark.skipif(not TASKS.is_dir(), reason="threads are counted in /proc, which only Linux has")
def test_a_resampler_starts_no_threads() -> None:
    before = len(list(TASKS.iterdir()))
    resampler = Resampler(24_000, 48_000)
    resampler.push(tone(24_000, 480))
    assert len(list(TASKS.iterdir())) == before
