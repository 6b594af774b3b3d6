"""A voice that only the scripted ears understand: every character is a level of the signal, held for 40 ms.

So a test writes `speak("What time is it?")` where a user would speak, and reads text where a user's words would come
out again, through buffers, cuts, 16-bit samples and all. Quiet is silence; a negative level is noise, which is no
speech; COUGH is speech to a voice detector and nothing to a recogniser.
"""

from __future__ import annotations

import numpy as np

from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples

CHARACTER_SAMPLES = EARS_RATE_HZ // 25
COUGH = "\x07"
_STEPS = 256


def speak(text: str) -> HeardSamples:
    """Says ASCII text."""
    levels = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.float32) / _STEPS
    return np.repeat(levels, CHARACTER_SAMPLES)


def silence(samples: int) -> HeardSamples:
    return np.zeros(samples, np.float32)


def noise(samples: int) -> HeardSamples:
    """A fan, a keyboard, a car outside."""
    return np.full(samples, -0.1, np.float32)


def is_speech(window: HeardSamples) -> bool:
    """Whether most of the window is voice."""
    return int(np.count_nonzero(window >= 0.5 / _STEPS)) * 2 > len(window)


def understand(audio: HeardSamples) -> str:
    """The text that was spoken; characters of which less than half is heard are left out."""
    codes = np.rint(audio * _STEPS).astype(np.int64)
    edges = np.flatnonzero(np.diff(codes, prepend=-1, append=-1))
    lengths = np.diff(edges)
    times = (lengths + CHARACTER_SAMPLES // 2) // CHARACTER_SAMPLES
    heard = ((chr(codes[edge]), count) for edge, count in zip(edges[:-1], times, strict=True) if codes[edge] > 0)
    return "".join(character * count for character, count in heard).replace(COUGH, "").strip()
