"""Telephone codecs follow the standard, and a client's audio reaches the ears unshifted and whole."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from antiphon_core.audio import Samples
from antiphon_orchestrator.api.codec import AudioIn, encode
from antiphon_orchestrator.api.g711 import ALAW, G711, ULAW


def ffmpeg_decoded(codec: str, data: bytes) -> Samples:
    """What an implementation that is not ours makes of the same bytes."""
    with av.open(io.BytesIO(data), mode="r", format=codec, options={"sample_rate": "8000"}) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=1).reshape(-1).astype(np.int16)


@pytest.mark.parametrize(("ours", "theirs"), [(ULAW, "mulaw"), (ALAW, "alaw")])
def test_every_code_decodes_as_the_standard_says(ours: G711, theirs: str) -> None:
    codes = bytes(range(256))
    assert ours.decode(codes).tolist() == ffmpeg_decoded(theirs, codes).tolist()


@pytest.mark.parametrize("codec", [ULAW, ALAW])
def test_encoding_takes_the_nearest_code(codec: G711) -> None:
    samples = np.arange(-32768, 32768, 7).astype(np.int16)
    levels = np.unique(codec.decode(bytes(range(256)))).astype(np.int32)
    nearest = np.abs(levels[None, :] - samples[:, None].astype(np.int32)).min(axis=1)
    error = np.abs(codec.decode(codec.encode(samples)).astype(np.int32) - samples)
    assert (error == nearest).all()


@pytest.mark.parametrize("media_type", ["audio/pcm", "audio/pcmu", "audio/pcma"])
def test_a_tone_reaches_the_ears_as_it_was_sent(media_type: str) -> None:
    ears = AudioIn(media_type)
    seconds = np.arange(ears.rate_hz) / ears.rate_hz
    sent = (np.sin(2 * np.pi * 440 * seconds) * 16_000).astype("<i2")
    pieces = [ears.decode(encode(media_type, piece.tobytes())) for piece in np.split(sent, 50)]
    heard = np.concatenate(pieces)
    wanted = np.sin(2 * np.pi * 440 * np.arange(len(heard)) / 16_000) * 16_000 / 32_768
    assert len(heard) > 15_900
    assert np.sqrt(np.mean((heard - wanted)[200:] ** 2)) < 0.02


def test_a_recording_is_decoded_to_its_end() -> None:
    ears = AudioIn("audio/pcm")
    assert len(ears.decode(bytes(48_000))) + len(ears.finish()) == 16_000


def test_durations_count_bytes() -> None:
    assert AudioIn("audio/pcm").bytes_of_ms(20) == 960
    assert AudioIn("audio/pcmu").bytes_of_ms(20) == 160
