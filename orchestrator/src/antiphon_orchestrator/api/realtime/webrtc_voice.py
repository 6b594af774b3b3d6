"""The voice of a call: frames wait here until their slot of 20 ms comes, and leave as Opus.

A slot for which there is no frame is silence. What waits can be dropped at any time, so that a stop is heard at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import av
from antiphon_core.audio import FRAME_MS

from antiphon_orchestrator.fade import ramped

MAX_FRAMES = 50
"""More than any lead. Overflow: the oldest frame is dropped; a line that stands still makes nobody wait."""
_SILENT_FRAMES = 5
"""So many are really encoded: what the encoder still had of the speech is heard to its end."""
_SILENCE = b"\xf8\xff\xfe"
"""20 ms of silence in Opus (RFC 6716): mono, one frame."""
_BITS_PER_S = 32_000
_REPAIR = {"application": "voip", "fec": "1", "packet_loss": "10"}
"""Every packet carries a coarse copy of the one before it, from which browsers mend a loss."""


class VoiceLine:
    """One call's. `on_empty` is told when, after `finish`, the last frame has left."""

    def __init__(self, on_empty: Callable[[], None]) -> None:
        self._frames: deque[bytes] = deque()
        self._on_empty = on_empty
        self._finishing = False
        self._encoder: OpusEncoder | None = None
        self._silent = _SILENT_FRAMES

    @property
    def waiting(self) -> int:
        """How many frames have not left."""
        return len(self._frames)

    def push(self, pcm: bytes) -> None:
        """A frame that is due. 16 bit, mono, at any rate that Opus knows."""
        if len(self._frames) >= MAX_FRAMES:
            self._frames.popleft()
        self._frames.append(pcm)
        self._finishing = False

    def finish(self) -> None:
        """What waits is the end of an answer."""
        self._finishing = True

    def hush(self) -> None:
        """Falls silent within the next frame, without a click."""
        if len(self._frames) > 1:
            pcm = self._frames[0]
            self._frames.clear()
            self._frames.append(ramped(pcm, _rate_hz(pcm), 1.0, 0.0))

    def drop(self) -> None:
        """Nothing that waits will be heard."""
        self._frames.clear()
        self._finishing = False

    def next_packet(self) -> bytes:
        """What leaves in the slot that has come."""
        if self._frames:
            self._silent = 0
            packet = self._encode(self._frames.popleft())
        elif self._silent < _SILENT_FRAMES and self._encoder is not None:
            self._silent += 1
            packet = self._encode(bytes(self._encoder.frame_bytes))
        else:
            packet = _SILENCE
        if self._finishing and not self._frames:
            self._finishing = False
            self._on_empty()
        return packet

    def _encode(self, pcm: bytes) -> bytes:
        if self._encoder is None or self._encoder.frame_bytes != len(pcm):
            self._encoder = OpusEncoder(_rate_hz(pcm))
        return self._encoder.encode(pcm)


class OpusEncoder:
    """One stream: a frame in, a packet out."""

    def __init__(self, rate_hz: int) -> None:
        self._samples = rate_hz * FRAME_MS // 1000
        self.frame_bytes = 2 * self._samples
        self._codec = av.AudioCodecContext.create("libopus", "w")
        self._codec.format, self._codec.layout, self._codec.sample_rate = "s16", "mono", rate_hz
        self._codec.bit_rate = _BITS_PER_S
        self._codec.options = _REPAIR

    def encode(self, pcm: bytes) -> bytes:
        frame = av.AudioFrame("s16", "mono", self._samples)
        frame.sample_rate = self._codec.sample_rate
        frame.planes[0].update(pcm)
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))


def _rate_hz(pcm: bytes) -> int:
    return len(pcm) // 2 * 1000 // FRAME_MS
