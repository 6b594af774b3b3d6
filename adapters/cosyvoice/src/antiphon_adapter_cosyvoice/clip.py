"""Reference clips: the recording that a voice is cloned from, read and checked before any weights are."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

SHORTEST_S, LONGEST_S = 2.0, 30.0
"""Of speech. The engine copies little from less; it was made for no more."""
LOWEST_RATE_HZ = 8_000
QUIETEST = 0.01
"""Of full scale, the peak of a clip that holds speech."""
SLOWEST, FASTEST = 2.0, 30.0
"""Letters a second, between which people speak."""
_SILENT_BELOW = 0.02
"""Share of the clip's peak."""
_MARGIN_S = 0.2
_WIDE_LETTER = 3
"""Letters of the Latin alphabet that take as long to say as one of Chinese, Japanese or Korean."""

Floats = npt.NDArray[np.float32]


class BadClip(Exception):
    """Says what is wrong with a clip or its words, what is allowed and what to do."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Mono samples in -1..1, without silence at the ends."""

    samples: Floats
    rate_hz: int

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz


def read_clip(path: Path) -> Clip:
    """The clip in a file of any format that libsndfile knows, any rate, any number of channels."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            rate_hz = int(file.samplerate)
            # A file of hours is refused by its head, not by what it does to the memory.
            if file.frames > 10 * LONGEST_S * rate_hz:
                raise BadClip(_wrong_length(file.frames / rate_hz))
            samples = file.read(dtype="float32", always_2d=True).mean(axis=1)
    except (soundfile.LibsndfileError, OSError) as error:
        raise BadClip(f"{path.name} is not audio that can be read ({error}); use WAV, FLAC, OGG or MP3") from error
    return checked(Clip(samples, rate_hz))


def checked(clip: Clip) -> Clip:
    """The clip without the silence around its speech; raises where it cannot serve."""
    if clip.rate_hz < LOWEST_RATE_HZ:
        raise BadClip(f"it is sampled at {clip.rate_hz} Hz; at least {LOWEST_RATE_HZ} Hz is needed, better 24000")
    if not np.isfinite(clip.samples).all():
        raise BadClip("its samples are not all numbers; write the file anew")
    peak = float(np.abs(clip.samples).max(initial=0.0))
    if peak < QUIETEST:
        raise BadClip("it is silent; record somebody who speaks")
    loud = np.flatnonzero(np.abs(clip.samples) >= _SILENT_BELOW * peak)
    margin = int(_MARGIN_S * clip.rate_hz)
    speech = Clip(clip.samples[max(0, loud[0] - margin) : loud[-1] + margin], clip.rate_hz)
    if not SHORTEST_S <= speech.duration_s <= LONGEST_S:
        raise BadClip(_wrong_length(speech.duration_s))
    return speech


def check_transcript(transcript: str, clip: Clip) -> None:
    """Refuses words that cannot be those of the clip, by how many there are."""
    letters = sum(_weight(letter) for letter in transcript if letter.isalnum())
    least, most = SLOWEST * clip.duration_s, FASTEST * clip.duration_s
    if not least <= letters <= most:
        raise BadClip(
            f"its transcript has {letters} letters for {clip.duration_s:.1f} s of speech, where {least:.0f} to "
            f"{most:.0f} are possible; write exactly the words that are said in it"
        )


def _weight(letter: str) -> int:
    return _WIDE_LETTER if unicodedata.east_asian_width(letter) == "W" else 1


def _wrong_length(duration_s: float) -> str:
    return (
        f"it holds {duration_s:.1f} s of speech; {SHORTEST_S:g} to {LONGEST_S:g} s are needed, best 5 to 10; "
        "cut it at a pause, and its transcript with it"
    )
