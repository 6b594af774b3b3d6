"""How a word sounds: two chords under one envelope, chosen by the word, over the voice's pitch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

SLOTS_HZ = tuple(400.0 + 75.0 * slot for slot in range(40))
"""Even slots sound in a word's first half, odd ones in its second, so that each half is known for what it is. All of
them lie low enough for an 8 kHz line."""
CHORD = 3

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_LEVEL = 0.1
_RAMP_MS = 3
_SHORTEST_MS = 64
"""At any speed: half of it is what a listener needs to tell the chords apart."""
_LONGEST_LETTERS = 20
_PAUSES_MS = ((".!?…。！？\n", 300), (",;:–—、，；：", 150), ("", 50))


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, and the pause that what stands before it asks for."""

    text: str
    offset: int
    pause_ms: int


def words(pieces: Iterable[str]) -> Iterator[Word]:
    """The words of a text that may still be arriving, each as soon as white space shows that it has ended."""
    text, done = "", 0
    for piece in pieces:
        text += piece
        for match in _WORD.finditer(text, done, max(text.rfind(" "), text.rfind("\n"), done)):
            yield _word(match, text[done : match.start()])
            done = match.end()
    for match in _WORD.finditer(text, done):
        yield _word(match, text[done : match.start()])
        done = match.end()


def spelt(word: str) -> str:
    """The word as far as it is heard: case and the kind of apostrophe are not."""
    return word.casefold().replace("’", "'")


@lru_cache(maxsize=4096)
def chords(word: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The slots that sound in the first and in the second half of a word."""
    digest = hashlib.blake2b(spelt(word).encode(), digest_size=len(SLOTS_HZ)).digest()
    first, second = (sorted(range(half, len(SLOTS_HZ), 2), key=digest.__getitem__)[:CHORD] for half in (0, 1))
    return tuple(sorted(first)), tuple(sorted(second))


def pause(pause_ms: int, speed: float, rate_hz: int) -> npt.NDArray[np.float32]:
    return np.zeros(int(pause_ms * rate_hz / 1000 / speed), np.float32)


@lru_cache(maxsize=256)
def beep(word: str, pitch_hz: float, speed: float, rate_hz: int) -> npt.NDArray[np.float32]:
    """A word's sound; its length follows the letters."""
    spoken_ms = max(_SHORTEST_MS, (100 + 50 * min(len(word), _LONGEST_LETTERS)) / speed)
    samples = int(spoken_ms * rate_hz / 2000)
    times_s = np.arange(samples) / rate_hz
    envelope = _LEVEL * np.clip(np.minimum(times_s, times_s[::-1]) * 1000 / _RAMP_MS, 0, 1)
    halves: list[npt.NDArray[np.float64]] = []
    for chord in chords(word):
        sines = [np.sin(2 * np.pi * hz * times_s) for hz in (pitch_hz, *(SLOTS_HZ[slot] for slot in chord))]
        halves.append(envelope * np.sum(sines, axis=0))
    sound: npt.NDArray[np.float32] = np.concatenate(halves).astype(np.float32)
    sound.flags.writeable = False
    return sound


def _word(match: re.Match[str], before: str) -> Word:
    pause_ms = next(ms for signs, ms in _PAUSES_MS if not signs or any(sign in before for sign in signs))
    return Word(match.group(), match.start(), pause_ms if match.start() else 0)
