"""Turns a speaker's turn into the Whisper log-mel picture that smart-turn looks at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples

LOOKBACK_SAMPLES = 8 * EARS_RATE_HZ
"""The network sees this much: earlier audio is left out, and a shorter turn gets silence in front."""

_FFT, _HOP, _MELS = 400, 160, 80
_FRAMES = LOOKBACK_SAMPLES // _HOP
_BREAK_HZ, _BREAK_MEL, _MELS_PER_E = 1000.0, 15.0, 27 / np.log(6.4)
"""Slaney's mel scale: linear up to the break, logarithmic above."""
_VARIANCE_FLOOR = 1e-7
_POWER_FLOOR = 1e-10
_RANGE_DECADES = 8.0
_BLOCK = 16
"""Frames multiplied at once: few enough for BLAS to stay in this thread, as its others come late on a busy machine."""

Floats = npt.NDArray[np.float32]


def log_mel(turn: HeardSamples) -> Floats:
    """The picture, 80 mel bands by 800 frames of 10 ms."""
    sound = _levelled(turn[-LOOKBACK_SAMPLES:])
    # Frames wholly within the silence in front look alike: one of them is worked out for all.
    alike = max(0, (LOOKBACK_SAMPLES - len(turn) - _FFT // 2) // _HOP)
    picture = np.empty((_MELS, _FRAMES), np.float32)
    picture[:, alike:] = _mel_powers(sound[alike * _HOP :])
    picture[:, :alike] = picture[:, alike : alike + 1]
    np.log10(picture, out=picture)
    np.maximum(picture, picture.max() - _RANGE_DECADES, out=picture)
    picture += 4
    picture /= 4
    return picture


def _levelled(turn: HeardSamples) -> Floats:
    """Silence and turn as one stretch with mean 0 and variance 1, its edges mirrored for the frames centred there."""
    sound = np.zeros(LOOKBACK_SAMPLES, np.float32)
    sound[LOOKBACK_SAMPLES - len(turn) :] = turn
    sound -= sound.mean()
    sound /= np.sqrt(sound.var() + _VARIANCE_FLOOR)
    return np.pad(sound, _FFT // 2, mode="reflect")


def _mel_powers(sound: Floats) -> Floats:
    frames = np.lib.stride_tricks.sliding_window_view(sound, _FFT)[::_HOP][:-1] * _WINDOW
    spectrum = np.fft.rfft(frames)
    powers = spectrum.real**2 + spectrum.imag**2
    bands = np.empty((_MELS, len(frames)), np.float32)
    for start in range(0, len(frames), _BLOCK):
        np.matmul(_FILTERS, powers[start : start + _BLOCK].T, out=bands[:, start : start + _BLOCK], casting="same_kind")
    return np.maximum(bands, _POWER_FLOOR, out=bands)


def _mel(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) * _MELS_PER_E
    return np.where(hz < _BREAK_HZ, hz * _BREAK_MEL / _BREAK_HZ, above)


def _hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _BREAK_HZ * np.exp((np.maximum(mel, _BREAK_MEL) - _BREAK_MEL) / _MELS_PER_E)
    return np.where(mel < _BREAK_MEL, mel * _BREAK_HZ / _BREAK_MEL, above)


def _filters() -> Floats:
    """Triangles over the spectrum, one a band, each of the same area."""
    nyquist_hz = EARS_RATE_HZ / 2
    bins_hz = np.linspace(0, nyquist_hz, _FFT // 2 + 1)
    edges_hz = _hz(np.linspace(0, _mel(np.array([nyquist_hz]))[0], _MELS + 2))[:, None]
    low, middle, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    triangles = np.minimum((bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle))
    filters: Floats = (np.maximum(triangles, 0) * 2 / (high - low)).astype(np.float32)
    return filters


_WINDOW = np.hanning(_FFT + 1)[:-1].astype(np.float32)
_FILTERS = _filters()
