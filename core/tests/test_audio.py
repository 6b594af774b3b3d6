"""Formats count in samples; chunks hold what an engine said, and nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from antiphon_core.audio import PcmChunk, PcmFormat


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 48_000])
def test_a_frame_is_20_ms_at_every_rate(rate_hz: int) -> None:
    pcm_format = PcmFormat(rate_hz)
    assert pcm_format.ms(pcm_format.frame_samples) == 20
    assert pcm_format.frame_bytes == 2 * pcm_format.frame_samples


def test_floats_become_samples_and_what_is_too_loud_is_clipped() -> None:
    chunk = PcmChunk.from_float([0.0, 0.5, 1.0, -1.0, 7.0, -7.0], 24_000)
    assert chunk.samples.tolist() == [0, 16384, 32767, -32767, 32767, -32768]


@pytest.mark.parametrize("samples", [np.zeros(4, np.float32), np.zeros((2, 2), np.int16)])
def test_a_chunk_of_anything_but_flat_samples_is_refused_and_the_way_out_named(samples: npt.NDArray[np.int16]) -> None:
    with pytest.raises(ValueError, match=r"PcmChunk\.from_float"):
        PcmChunk(samples, 24_000)
