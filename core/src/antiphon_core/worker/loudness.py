"""Loudness: how loud a voice speaks (ITU-R BS.1770), and the one gain that brings it to the house's level."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon_core.audio import PcmChunk, Samples

TARGET_LUFS = -16.0
MAX_GAIN_DB = 20.0
"""A voice that would need more is mostly noise or silence: its calibration went wrong."""

BLOCK_S, HOP_S = 0.4, 0.1
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
_OFFSET_LU = -0.691
"""Makes a 997 Hz sine of full scale in one channel read -3.01 LUFS."""

_Floats = npt.NDArray[np.float64]
_Spectrum = npt.NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class VoiceGain:
    """What a voice measured, and the gain that it is given from then on."""

    lufs: float
    gain_db: float


def calibrate(chunks: Iterable[PcmChunk]) -> VoiceGain:
    """From a standard sentence or two in a voice. Silence is left as it is."""
    spoken = list(chunks)
    if not spoken:
        return VoiceGain(-math.inf, 0.0)
    lufs = measure_lufs(np.concatenate([chunk.samples for chunk in spoken]), spoken[0].rate_hz)
    return VoiceGain(lufs, gain_for(lufs))


def gain_for(lufs: float, target_lufs: float = TARGET_LUFS, max_gain_db: float = MAX_GAIN_DB) -> float:
    return min(target_lufs - lufs, max_gain_db) if math.isfinite(lufs) else 0.0


def measure_lufs(samples: Samples, rate_hz: int) -> float:
    """Integrated loudness, gated; of mono played through one channel. -inf for silence."""
    powers = _block_powers(_k_weighted(samples / 32768, rate_hz), rate_hz)
    heard = powers[powers > _power(ABSOLUTE_GATE_LUFS)]
    if not len(heard):
        return -math.inf
    return _lufs(heard[heard > heard.mean() * 10 ** (RELATIVE_GATE_LU / 10)].mean())


def _k_weighted(signal: _Floats, rate_hz: int) -> _Floats:
    """The standard's two filters, by their frequency response. A second of silence takes their ringing."""
    size = len(signal) + rate_hz
    tangent = np.tan(np.pi * np.fft.rfftfreq(size))
    response = _shelf(tangent, rate_hz) * _high_pass(tangent, rate_hz)
    weighted: _Floats = np.fft.irfft(np.fft.rfft(signal, size) * response, size)[: len(signal)]
    return weighted


def _shelf(tangent: _Floats, rate_hz: int) -> _Spectrum:
    """+4 dB for treble: the head. The standard gives coefficients for 48 kHz; these are the curve they come from."""
    quality, treble = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    s = 1j * tangent / math.tan(math.pi * 1681.974450955533 / rate_hz)
    response: _Spectrum = (treble * s**2 + treble**0.4996667741545416 * s / quality + 1) / (s**2 + s / quality + 1)
    return response


def _high_pass(tangent: _Floats, rate_hz: int) -> _Spectrum:
    """Takes away what is too deep to be heard as loud. The factor is the standard's: it gives 1, -2, 1 above."""
    quality, k = 0.5003270373238773, math.tan(math.pi * 38.13547087602444 / rate_hz)
    s = 1j * tangent / k
    response: _Spectrum = (1 + k / quality + k**2) * s**2 / (s**2 + s / quality + 1)
    return response


def _block_powers(signal: _Floats, rate_hz: int) -> _Floats:
    """Mean squares of overlapping blocks; a signal shorter than one block is one block."""
    block, hop = min(int(rate_hz * BLOCK_S), len(signal)), int(rate_hz * HOP_S)
    sums = np.concatenate(([0.0], np.cumsum(signal**2)))
    starts = np.arange(0, len(signal) - block + 1, hop)
    powers: _Floats = (sums[starts + block] - sums[starts]) / max(block, 1)
    return powers


def _lufs(power: float) -> float:
    return _OFFSET_LU + 10 * math.log10(power)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LU) / 10))
