"""A client's audio formats to what ears take, and frames to what the client takes."""

from __future__ import annotations

import numpy as np
from antiphon_core.audio import Samples
from antiphon_core.resample import Resampler

from antiphon_orchestrator.api.g711 import ALAW, G711, ULAW
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples

_RATES_HZ = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
_COMPANDED: dict[str, G711] = {"audio/pcmu": ULAW, "audio/pcma": ALAW}


class AudioIn:
    """Makes one client's stream of bytes into samples for ears. Streaming: keeps the resampler's state."""

    def __init__(self, media_type: str, rate_hz: int = 0) -> None:
        self.rate_hz = rate_hz or _RATES_HZ[media_type]
        self._codec = _COMPANDED.get(media_type)
        self._resampler = Resampler(self.rate_hz, EARS_RATE_HZ)

    def decode(self, data: bytes) -> HeardSamples:
        """The next bytes, whole samples of them."""
        samples = self._resampler.push(self._samples(data))
        return samples.astype(np.float32) / np.float32(32768)

    def finish(self) -> HeardSamples:
        """What the resampler has held back: the end of a recording."""
        return self._resampler.finish().astype(np.float32) / np.float32(32768)

    @property
    def sample_bytes(self) -> int:
        return 1 if self._codec else 2

    def bytes_of_ms(self, ms: int) -> int:
        """How many bytes so much audio takes."""
        return self.rate_hz * ms // 1000 * self.sample_bytes

    def _samples(self, data: bytes) -> Samples:
        if self._codec is not None:
            return self._codec.decode(data)
        return np.frombuffer(data, "<i2").astype(np.int16, copy=False)


def encode(media_type: str, pcm: bytes) -> bytes:
    """Makes 16-bit samples at the format's rate into its bytes."""
    codec = _COMPANDED.get(media_type)
    return codec.encode(np.frombuffer(pcm, "<i2")) if codec else pcm
