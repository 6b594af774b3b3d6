"""Measuring speech in its samples."""

from __future__ import annotations

import numpy as np

from antiphon_core.audio import Samples

FULL_SCALE = 32768
_WINDOW_MS = 10
_SILENT_BELOW = 0.01
"""Share of the utterance's peak."""


def level_db(samples: Samples) -> float:
    """Root mean square, in dB below full scale (positive)."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    return float(20 * np.log10(FULL_SCALE / max(rms, 1e-3)))


def clipped_share(samples: Samples) -> float:
    return float(np.mean((samples >= FULL_SCALE - 1) | (samples <= 1 - FULL_SCALE)))


def silences_ms(samples: Samples, rate_hz: int) -> list[tuple[int, int]]:
    """Stretches of silence: where each begins and how long it is."""
    window = max(1, rate_hz * _WINDOW_MS // 1000)
    windows = np.abs(samples[: len(samples) // window * window].astype(np.int32)).reshape(-1, window).max(axis=1)
    quiet = np.concatenate([[False], windows < max(1.0, _SILENT_BELOW * windows.max(initial=0)), [False]])
    edges = np.flatnonzero(quiet[1:] != quiet[:-1])
    return [(int(start) * _WINDOW_MS, int(end - start) * _WINDOW_MS) for start, end in edges.reshape(-1, 2)]


def difference(one: Samples, other: Samples) -> float:
    """Rms of the difference over rms of the first; 2 where the lengths differ."""
    if len(one) != len(other):
        return 2.0
    if not len(one):
        return 0.0
    apart = np.sqrt(np.mean(np.square(one.astype(np.float64) - other)))
    return float(apart / max(np.sqrt(np.mean(np.square(one, dtype=np.float64))), 1e-9))
