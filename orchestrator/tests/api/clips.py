"""Recordings as clients upload them."""

from __future__ import annotations

import io

import av
import numpy as np
import numpy.typing as npt
from antiphon_orchestrator.api.encoding import wav_header
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples


def wav(samples: HeardSamples) -> bytes:
    pcm = np.rint(samples * 32_768).astype("<i2").tobytes()
    return wav_header(EARS_RATE_HZ, len(pcm)) + pcm


def encoded(samples: HeardSamples, container: str, codec: str, rate_hz: int = 48_000) -> bytes:
    """The recording as another program would have made it."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate_hz, layout="mono")
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(stream.format.name, "mono", rate_hz, frame_size=960)
        pcm: npt.NDArray[np.int16] = np.rint(samples * 32_768).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), "s16", "mono")
        frame.sample_rate = EARS_RATE_HZ
        for made in (*resampler.resample(frame), *resampler.resample(None), None):
            output.mux(stream.encode(made))
    return file.getvalue()
