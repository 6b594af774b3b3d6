"""Hears tone's words again: for tests that ask the audio itself what was said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from antiphon_adapter_tone.sound import CHORD, SLOTS_HZ, chords, spelt

UNKNOWN = "?"
"""Stands for a word that was heard and is not in the vocabulary."""

_WINDOW_MS, _HOP_MS = 24, 4
_TOUCHING_MS = 40
_ENOUGH_HZ = 8_000
"""All slots lie well below half of it: audio at higher rates is thinned out first."""
_SILENCE = 0.04
"""Share of the loudest moment; a duck by 12 dB stays well above it."""
_CLEAR = 2.0
"""By how much a chord stands out from the rest in a moment that counts."""

_PITCHES_HZ = (95, 300)
_PITCH_POINTS = 4096

Floats = npt.NDArray[np.float32]
Chord = tuple[int, ...]
Known = dict[tuple[Chord, Chord], str]


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One word in the audio, its edges within 15 ms. Of a word that is not `whole` only one half was heard."""

    word: str
    start_sample: int
    end_sample: int
    whole: bool
    pitch_hz: float


@dataclass(frozen=True, slots=True)
class _Half:
    chord: Chord
    start: int
    end: int

    @property
    def is_first(self) -> bool:
        return self.chord[0] % 2 == 0


def words_in(pcm: bytes | npt.NDArray[np.int16], rate_hz: int, vocabulary: Iterable[str]) -> list[str]:
    """The words heard completely, in order, spelt as in the vocabulary; UNKNOWN for one that is not in it."""
    return [heard.word for heard in listen(pcm, rate_hz, vocabulary) if heard.whole]


def listen(pcm: bytes | npt.NDArray[np.int16], rate_hz: int, vocabulary: Iterable[str]) -> list[HeardWord]:
    """All that was heard, half words too. A word cut by a pause and taken up again counts once."""
    audio = np.frombuffer(pcm, "<i2") if isinstance(pcm, bytes) else pcm
    step = rate_hz // _ENOUGH_HZ
    sound = audio[: len(audio) // step * step].reshape(-1, step).mean(axis=1, dtype=np.float32)
    known = _by_chords(vocabulary)
    paired = _paired(_halves(sound, rate_hz // step), known, touching=_ENOUGH_HZ * _TOUCHING_MS // 1000)
    return [_heard(sound, rate_hz, step, halves, known) for halves in paired]


def _by_chords(vocabulary: Iterable[str]) -> Known:
    found: Known = {}
    for word in vocabulary:
        other = found.setdefault(chords(word), word)
        if spelt(other) != spelt(word):
            raise ValueError(f"{other!r} and {word!r} sound alike; leave one of them out of the test's texts")
    return found


def _halves(sound: Floats, rate_hz: int) -> Iterator[_Half]:
    """Stretches in which one chord sounds clearly."""
    window, hop = rate_hz * _WINDOW_MS // 1000, rate_hz * _HOP_MS // 1000
    if len(sound) < window:
        return
    moments = enumerate(_chords_heard(sound, window, hop, rate_hz))
    for chord, group in groupby(moments, key=lambda moment: moment[1]):
        places = [place for place, _ in group]
        if chord and len(places) > 1:
            middle = window // 2
            yield _Half(chord, places[0] * hop + middle, places[-1] * hop + middle)


def _chords_heard(sound: Floats, window: int, hop: int, rate_hz: int) -> Iterator[Chord]:
    levels = _levels(sound, window, hop, rate_hz)
    silence = levels.max() * _SILENCE
    for moment, loudest in zip(levels, np.argsort(levels, axis=1)[:, ::-1], strict=True):
        chord, rest = loudest[:CHORD], loudest[CHORD]
        clear = moment[chord[-1]] > max(silence, moment[rest] * _CLEAR) and len(set(chord % 2)) == 1
        yield tuple(sorted(int(slot) for slot in chord)) if clear else ()


def _levels(sound: Floats, window: int, hop: int, rate_hz: int) -> Floats:
    """How strong every slot is, moment by moment."""
    turns = 2 * np.pi * np.outer(np.arange(window) / rate_hz, SLOTS_HZ)
    probe = (np.hstack([np.cos(turns), np.sin(turns)]) * np.hanning(window)[:, None]).astype(np.float32)
    parts = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop] @ probe
    levels: Floats = np.hypot(*np.hsplit(parts, 2))
    return levels


def _paired(halves: Iterable[_Half], known: Known, touching: int) -> Iterator[tuple[_Half, ...]]:
    """First and second halves, brought together; a half without the other stays alone.

    Halves of a known word belong together also across a pause, those of an unknown one if they touch.
    """
    waiting: _Half | None = None
    for half in halves:
        if half.is_first:
            if waiting:
                yield (waiting,)
            waiting = half
        elif waiting and ((waiting.chord, half.chord) in known or half.start - waiting.end < touching):
            yield waiting, half
            waiting = None
        else:
            yield from ((one,) for one in (waiting, half) if one)
            waiting = None
    if waiting:
        yield (waiting,)


def _heard(sound: Floats, rate_hz: int, step: int, halves: tuple[_Half, ...], known: Known) -> HeardWord:
    start, end = halves[0].start, halves[-1].end
    if len(halves) == 2:
        word = known.get((halves[0].chord, halves[1].chord), UNKNOWN)
    else:
        place = 0 if halves[0].is_first else 1
        alike = [name for pair, name in known.items() if pair[place] == halves[0].chord]
        word = alike[0] if len(alike) == 1 else UNKNOWN
    pitch_hz = _pitch_hz(sound[start:end], rate_hz / step)
    return HeardWord(word, start * step, end * step, len(halves) == 2, pitch_hz)


def _pitch_hz(sound: Floats, rate_hz: float) -> float:
    size = max(len(sound), _PITCH_POINTS)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    low, high = (int(edge_hz * size / rate_hz) for edge_hz in _PITCHES_HZ)
    return float((low + np.argmax(spectrum[low:high])) * rate_hz / size)
