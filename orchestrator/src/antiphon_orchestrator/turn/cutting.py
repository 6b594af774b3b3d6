"""Cuts a recording into stretches of speech, none longer than a recogniser takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from antiphon_orchestrator.turn.endpoint import Endpoint, EndpointSettings, TurnFinished

_KEPT_SILENCE_SAMPLES = 3_200


class _Vad(Protocol):
    window_samples: int

    def probability(self, window: npt.NDArray[np.float32]) -> float: ...


@dataclass(frozen=True, slots=True)
class Span:
    """From a sample to one before another."""

    start_sample: int
    end_sample: int


def speech_spans(audio: npt.NDArray[np.float32], vad: _Vad, max_samples: int) -> Iterator[Span]:
    """The stretches of speech in `audio`, in order. One that is too long is cut where it is quietest."""
    size = vad.window_samples
    endpoint = Endpoint(EndpointSettings.server_vad())
    padded = np.concatenate(
        (audio, np.zeros(-len(audio) % size + EndpointSettings().silence_samples + size, np.float32))
    )
    for start in range(0, len(padded) - size + 1, size):
        for event in endpoint.on_window(vad.probability(padded[start : start + size]), start + size):
            if isinstance(event, TurnFinished):
                end = min(len(audio), event.silent_sample + _KEPT_SILENCE_SAMPLES)
                yield from _short_enough(audio, Span(event.audio_sample, end), max_samples)


def _short_enough(audio: npt.NDArray[np.float32], span: Span, max_samples: int) -> Iterator[Span]:
    while span.end_sample - span.start_sample > max_samples:
        cut = _quietest(audio, span.start_sample + max_samples // 2, span.start_sample + max_samples)
        yield Span(span.start_sample, cut)
        span = Span(cut, span.end_sample)
    yield span


def _quietest(audio: npt.NDArray[np.float32], begin: int, end: int, window: int = 1_600) -> int:
    """The middle of the quietest 100 ms."""
    energy = np.convolve(np.square(audio[begin:end]), np.ones(window, np.float32), "valid")
    return begin + int(np.argmin(energy)) + window // 2
