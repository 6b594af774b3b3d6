"""The microphone of a call: Opus packets as the network brings them, made into an unbroken line of samples.

A packet is heard as soon as it is here. Behind a hole the next two are kept back, in case the missing one is only late;
then what is lost becomes silence of the same length, so that no word moves.
"""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np
from antiphon_core.audio import Samples
from antiphon_core.resample import Resampler

from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples

OPUS_RATE_HZ = 48_000
PATIENCE_PACKETS = 2
MAX_GAP_S = 1.0
"""A longer gap is a microphone that was off."""
_LATE_PACKETS = 100
"""A number further back than this is a stream that began anew."""
_WRAP_SEQUENCE = 1 << 16
_WRAP_TIMESTAMP = 1 << 32


class PacketEars:
    """One call's. `hear` takes what ears take."""

    def __init__(self, hear: Callable[[HeardSamples], None]) -> None:
        self._hear = hear
        self._decoder = OpusDecoder()
        self._resampler = Resampler(OPUS_RATE_HZ, EARS_RATE_HZ)
        self._next: int | None = None
        self._due: int | None = None
        self._early: dict[int, tuple[int, bytes]] = {}

    def take(self, sequence_number: int, timestamp: int, payload: bytes) -> None:
        """A packet, in any order. Overflow: what comes too late is dropped."""
        awaited = sequence_number if self._next is None else self._next
        if (sequence_number - awaited) % _WRAP_SEQUENCE >= _WRAP_SEQUENCE - _LATE_PACKETS:
            return
        self._early[sequence_number] = timestamp, payload
        if len(self._early) > PATIENCE_PACKETS:
            awaited = min(self._early, key=lambda number: (number - awaited) % _WRAP_SEQUENCE)
        self._next = awaited
        while (packet := self._early.pop(self._next, None)) is not None:
            self._next = (self._next + 1) % _WRAP_SEQUENCE
            self._take(*packet)

    def _take(self, timestamp: int, payload: bytes) -> None:
        gap = 0 if self._due is None else (timestamp - self._due) % _WRAP_TIMESTAMP
        pcm = self._decoder.decode(payload)
        self._due = (timestamp + len(pcm)) % _WRAP_TIMESTAMP
        if 0 < gap <= MAX_GAP_S * OPUS_RATE_HZ:
            pcm = np.concatenate((np.zeros(gap, np.int16), pcm))
        heard = self._resampler.push(pcm)
        if len(heard):
            self._hear(heard.astype(np.float32) / np.float32(32_768))


class OpusDecoder:
    """One stream: a packet in, mono samples at 48 kHz out. What is no Opus becomes nothing."""

    def __init__(self) -> None:
        self._codec = av.AudioCodecContext.create("libopus", "r")
        self._codec.format, self._codec.layout, self._codec.sample_rate = "s16", "mono", OPUS_RATE_HZ

    def decode(self, payload: bytes) -> Samples:
        try:
            frames = self._codec.decode(av.Packet(payload)) if payload else []
        except av.FFmpegError:
            frames = []
        pieces = [np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples) for frame in frames]
        return np.concatenate((np.zeros(0, np.int16), *pieces))
