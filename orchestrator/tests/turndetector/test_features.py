"""The picture smart-turn looks at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from antiphon_orchestrator.ports import HeardSamples
from antiphon_orchestrator.turndetector.features import LOOKBACK_SAMPLES, log_mel
from hypothesis import given
from hypothesis import strategies as st


def babble(samples: int, seed: int = 0) -> HeardSamples:
    """Something between noise and vowels."""
    random = np.random.default_rng(seed)
    times = np.arange(samples) / 16_000
    vowels = sum(np.sin(2 * np.pi * hz * times) for hz in (140, 700, 1_220, 2_600))
    return (0.05 * vowels * np.sin(2 * np.pi * 3 * times) + random.normal(0, 0.01, samples)).astype(np.float32)


def by_the_book(turn: HeardSamples) -> npt.NDArray[np.float64]:
    """The same picture as Whisper's paper and code describe it: frame by frame and band by band."""
    sound = np.concatenate([np.zeros(LOOKBACK_SAMPLES - len(turn)), turn.astype(np.float64)])
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    sound = np.concatenate([sound[200:0:-1], sound, sound[-2:-202:-1]])
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    edges = [_slaney_hz(mel) for mel in np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), 82)]
    bands = np.array([_triangle(*edges[band : band + 3]) for band in range(80)])
    powers = np.empty((80, 800))
    for frame in range(800):
        power = np.abs(np.fft.rfft(sound[frame * 160 : frame * 160 + 400] * hann)) ** 2
        powers[:, frame] = bands @ power
    picture: npt.NDArray[np.float64] = np.log10(np.maximum(powers, 1e-10))
    picture = np.maximum(picture, picture.max() - 8)
    return (picture + 4) / 4


def _triangle(low: float, middle: float, high: float) -> list[float]:
    bins_hz = (number * 40.0 for number in range(201))
    slopes = (min((hz - low) / (middle - low), (high - hz) / (high - middle)) for hz in bins_hz)
    return [max(0.0, slope) * 2 / (high - low) for slope in slopes]


def _slaney_hz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1_000 * 6.4 ** ((mel - 15) / 27)


@pytest.mark.parametrize("samples", [0, 4_000, LOOKBACK_SAMPLES])
def test_the_picture_is_whispers(samples: int) -> None:
    turn = babble(samples)
    np.testing.assert_allclose(log_mel(turn), by_the_book(turn), atol=2e-4)


@given(st.integers(0, LOOKBACK_SAMPLES))
def test_a_short_turn_looks_like_itself_after_silence(samples: int) -> None:
    turn = babble(samples)
    padded = np.concatenate([np.zeros(LOOKBACK_SAMPLES - samples, np.float32), turn])
    np.testing.assert_allclose(log_mel(turn), log_mel(padded), atol=1e-5)


def test_only_the_last_eight_seconds_are_seen() -> None:
    turn = babble(LOOKBACK_SAMPLES)
    longer = np.concatenate([babble(30_000, seed=1), turn])
    np.testing.assert_array_equal(log_mel(longer), log_mel(turn))


def test_loudness_makes_no_difference() -> None:
    turn = babble(50_000)
    np.testing.assert_allclose(log_mel(turn * np.float32(0.1)), log_mel(turn), atol=5e-3)
