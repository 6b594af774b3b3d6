"""Audio as the house passes it on: formats, an engine's chunks, and 20 ms frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FRAME_MS = 20
WIRE_RATES_HZ = (8_000, 16_000, 24_000, 48_000)
"""Rates a client may ask a worker for."""
DEFAULT_RATE_HZ = 48_000

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """Mono, signed 16 bit, little endian, at some rate."""

    rate_hz: int = DEFAULT_RATE_HZ

    @property
    def frame_samples(self) -> int:
        return self.rate_hz * FRAME_MS // 1000

    @property
    def frame_bytes(self) -> int:
        return self.frame_samples * 2

    def ms(self, samples: int) -> float:
        return samples * 1000 / self.rate_hz


@dataclass(frozen=True, slots=True)
class TextMark:
    """Binds a word to its sound: at `sample_offset` begins `text[text_offset:text_offset + text_length]`.

    Text is counted in code points and samples at the rate of the audio the mark came with, both from the
    utterance's start.
    """

    text_offset: int
    text_length: int
    sample_offset: int


@dataclass(frozen=True, slots=True)
class PcmChunk:
    """What an engine yields: mono samples at its own rate, any number of them."""

    samples: Samples
    rate_hz: int
    marks: tuple[TextMark, ...] = ()

    def __post_init__(self) -> None:
        if self.samples.dtype != np.int16 or self.samples.ndim != 1:
            raise ValueError(
                f"a PcmChunk holds a flat array of int16, not {self.samples.ndim}-dimensional {self.samples.dtype}; "
                "PcmChunk.from_float converts what most engines make"
            )

    @classmethod
    def from_float(cls, samples: npt.ArrayLike, rate_hz: int, marks: tuple[TextMark, ...] = ()) -> PcmChunk:
        """Converts samples in -1..1; what lies outside is clipped."""
        scaled = np.asarray(samples, dtype=np.float32).reshape(-1) * np.float32(32767)
        return cls(np.clip(np.rint(scaled), -32768, 32767).astype(np.int16), rate_hz, marks)


@dataclass(frozen=True, slots=True)
class Frame:
    """Exactly 20 ms of audio at the agreed rate; only an utterance's last one holds padding."""

    seq: int
    pcm: bytes
    speech_samples: int
