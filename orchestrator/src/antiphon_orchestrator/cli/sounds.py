"""Sounds that are no speech, made by rule: a cough and a keyboard."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.int16]


def cough(rate_hz: int) -> Sound:
    """Two bursts of breath, each with a sharp beginning."""
    rng = np.random.default_rng(11)
    first, second = (_burst(rng, rate_hz, seconds, 900.0) for seconds in (0.16, 0.22))
    gap = np.zeros(int(0.09 * rate_hz))
    return _as_samples(np.concatenate((first, gap, 0.8 * second)), peak=0.35)


def typing(rate_hz: int, seconds: float = 1.5) -> Sound:
    """Keys struck about eight times a second."""
    rng = np.random.default_rng(12)
    sound = np.zeros(int(seconds * rate_hz))
    at_s = 0.0
    while (at_s := at_s + float(rng.uniform(0.08, 0.17))) < seconds - 0.05:
        click = _burst(rng, rate_hz, 0.015, 3_000.0) * rng.uniform(0.4, 1.0)
        start = int(at_s * rate_hz)
        sound[start : start + len(click)] += click
    return _as_samples(sound, peak=0.2)


def _burst(rng: np.random.Generator, rate_hz: int, seconds: float, bright_hz: float) -> npt.NDArray[np.float64]:
    """Noise that begins at once and dies away, without what lies above `bright_hz` and a little."""
    count = int(seconds * rate_hz)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / rate_hz)
    spectrum /= 1 + (frequencies / bright_hz) ** 2
    sound: npt.NDArray[np.float64] = np.fft.irfft(spectrum, count) * np.exp(-np.arange(count) / (0.3 * count))
    louder: npt.NDArray[np.float64] = sound / np.abs(sound).max()
    return louder


def _as_samples(sound: npt.NDArray[np.float64], peak: float) -> Sound:
    scaled = sound / np.abs(sound).max() * peak * 32_767
    samples: Sound = np.rint(scaled).astype(np.int16)
    return samples
