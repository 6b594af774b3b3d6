"""Makes 16-bit audio louder or quieter within a frame, without a click."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

FADE_MS = 8


@lru_cache(maxsize=8)
def _rising(samples: int) -> npt.NDArray[np.float32]:
    """Half a cosine from 0 to 1: no step in value or slope at either end."""
    phase = np.arange(samples, dtype=np.float32) / np.float32(max(1, samples))
    rising: npt.NDArray[np.float32] = np.float32(0.5) - np.float32(0.5) * np.cos(np.float32(np.pi) * phase)
    return rising


def ramped(pcm: bytes, rate_hz: int, start: float, end: float) -> bytes:
    """Goes from gain `start` to gain `end` within FADE_MS, and stays there."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    head = min(len(samples), rate_hz * FADE_MS // 1000)
    samples[:head] *= np.float32(start) + np.float32(end - start) * _rising(head)
    samples[head:] *= np.float32(end)
    return np.rint(samples).astype("<i2").tobytes()


def energy(pcm: bytes) -> float:
    """How loud a frame is, as a sum of squares: only good for comparing frames of one length."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    return float(np.dot(samples, samples))


def silenced(pcm: bytes, end: int, rate_hz: int) -> bytes:
    """Fades out so that nothing is heard from sample `end` on, or as soon as that can be."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    fade = min(len(samples), rate_hz * FADE_MS // 1000)
    start = max(0, end - fade)
    samples[start : start + fade] *= np.float32(1) - _rising(fade)
    samples[start + fade :] = 0
    return np.rint(samples).astype("<i2").tobytes()
