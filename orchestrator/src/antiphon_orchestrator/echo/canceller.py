"""Takes the server's own voice out of what a microphone sends: for clients whose device does not.

Between a session and its client: what is sent is remembered with the time at which it will be heard, and laid beside
what comes in. How much later it really comes back, the processor finds out by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from antiphon_core.audio import Samples
from antiphon_core.resample import Resampler

from antiphon_orchestrator.echo.far_line import FarLine
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples
from antiphon_orchestrator.session.outlet import Outlet, ResponseSheet

BLOCK_SAMPLES = EARS_RATE_HZ // 100


class EchoProcessor(Protocol):
    """Works on blocks of 10 ms at EARS_RATE_HZ. Holds the state of one line."""

    def process(self, far: Samples, near: Samples) -> Samples:
        """What is left of `near` without the echo of `far`, and of all that went before."""
        ...


class EchoCanceller:
    """An `Outlet` of one session, in front of its client's own; `clean` is what its ears listen through."""

    def __init__(self, outlet: Outlet, processor: EchoProcessor, clock_ms: Callable[[], int]) -> None:
        self._outlet = outlet
        self._processor = processor
        self._clock_ms = clock_ms
        self._far = FarLine()
        self._rest: Samples = np.zeros(0, np.int16)
        self._resampler: tuple[int, Resampler] | None = None

    def event(self, type_: str, /, **fields: Any) -> None:
        self._outlet.event(type_, **fields)

    def audio(self, sheet: ResponseSheet, item_id: str, pcm: bytes) -> None:
        self._outlet.audio(sheet, item_id, pcm)
        resampler = self._resampler_from(len(pcm) // 2 * 50)
        self._far.add(resampler.push(np.frombuffer(pcm, "<i2").astype(np.int16)), self._clock_ms())

    def close(self, code: int, reason: str) -> None:
        self._outlet.close(code, reason)

    def clean(self, heard: HeardSamples) -> HeardSamples:
        """The next of the user's audio without our voice. Up to 10 ms wait for the rest of their block."""
        pcm = np.clip(np.rint(heard * 32_768), -32_768, 32_767).astype(np.int16)
        pending = np.concatenate((self._rest, pcm))
        self._far.heard(len(pcm), self._clock_ms())
        whole = len(pending) // BLOCK_SAMPLES * BLOCK_SAMPLES
        self._rest = pending[whole:]
        blocks = pending[:whole].reshape(-1, BLOCK_SAMPLES)
        cleaned = [self._processor.process(self._far.take(BLOCK_SAMPLES), block) for block in blocks]
        samples: Samples = np.concatenate((np.zeros(0, np.int16), *cleaned))
        return samples.astype(np.float32) / np.float32(32_768)

    def _resampler_from(self, rate_hz: int) -> Resampler:
        if self._resampler is None or self._resampler[0] != rate_hz:
            self._resampler = rate_hz, Resampler(rate_hz, EARS_RATE_HZ)
        return self._resampler[1]
