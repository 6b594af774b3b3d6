"""G.711, the two codecs of the telephone: a byte a sample, both ways by table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from antiphon_core.audio import Samples


def _ulaw_decoded() -> Samples:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_decoded() -> Samples:
    code = np.arange(256) ^ 0x55
    segment, low = (code >> 4) & 7, (code & 0x0F) << 4
    magnitude = np.where(segment == 0, low + 8, low + 0x108 << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


class G711:
    """One of the two codecs."""

    def __init__(self, decoded: Samples) -> None:
        self._decoded = decoded
        order = np.argsort(decoded, kind="stable")
        levels = decoded[order].astype(np.int32)
        borders = (levels[1:] + levels[:-1]) / 2
        nearest = np.searchsorted(borders, np.arange(-32768, 32768))
        self._encoded: npt.NDArray[np.uint8] = order[nearest].astype(np.uint8)

    def decode(self, data: bytes) -> Samples:
        return self._decoded[np.frombuffer(data, np.uint8)]

    def encode(self, samples: Samples) -> bytes:
        return self._encoded[samples.astype(np.int32) + 32768].tobytes()


ULAW = G711(_ulaw_decoded())
ALAW = G711(_alaw_decoded())
