"""What callers say into the page, and what is understood of what it plays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
from antiphon_core.resample import Resampler
from visit import Heard, Samples

from tests.e2e.ears import RATE_HZ, recognised, wav
from tests.e2e.house import House

Say = Callable[[str], Awaitable[bytes]]
QUESTION = "What is the capital of France?"
ANSWER = "The capital of France is Paris."
STORY = "Please tell me all about the sea."
TOLERATED = 0.2
"""The part of the words that may be misheard."""
LEAD_S = 4.0
"""A slow machine may take so long to connect, while the microphone is open already."""


def quiet(seconds: float) -> bytes:
    return bytes(2 * round(seconds * RATE_HZ))


async def understood(house: House, heard: Heard) -> str:
    """What the loudspeaker said."""
    recording = wav(_at_24_khz(heard.loudspeaker, heard.rate_hz))
    return await asyncio.to_thread(recognised, house.url, recording)


def _at_24_khz(samples: Samples, rate_hz: int) -> bytes:
    resampler = Resampler(rate_hz, RATE_HZ)
    return np.concatenate((resampler.push(samples), resampler.finish())).astype("<i2").tobytes()
