from __future__ import annotations

import math

import av
import numpy as np
import numpy.typing as npt
import pytest
from antiphon_core.audio import PcmChunk, Samples
from antiphon_core.worker.loudness import VoiceGain, calibrate, gain_for, measure_lufs
from av.filter import Graph

RATES_HZ = (16_000, 22_050, 24_000, 44_100, 48_000)


def pcm(signal: npt.NDArray[np.float64]) -> Samples:
    return PcmChunk.from_float(signal, 48_000).samples


def noise(rate_hz: int, *stretches: tuple[float, float]) -> Samples:
    """Noise, as (seconds, rms)."""
    rng = np.random.default_rng(rate_hz)
    return pcm(np.concatenate([rng.normal(0, rms, int(rate_hz * seconds)) for seconds, rms in stretches]))


def by_ffmpeg(samples: Samples, rate_hz: int) -> float:
    graph = Graph()
    graph.link_nodes(
        graph.add("abuffer", sample_rate=str(rate_hz), sample_fmt="s16", channel_layout="mono"),
        graph.add("ebur128", metadata="1"),
        graph.add("abuffersink"),
    ).configure()
    frame = av.AudioFrame("s16", "mono", len(samples))
    frame.sample_rate, frame.pts = rate_hz, 0
    frame.planes[0].update(samples.tobytes())
    graph.push(frame)
    graph.push(None)
    lufs = math.nan
    while True:
        try:
            lufs = float(graph.pull().metadata["lavfi.r128.I"])
        except EOFError:
            return lufs


@pytest.mark.skipif(not hasattr(av.AudioFrame, "metadata"), reason="FFmpeg's own figure is read through PyAV 18.1")
@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(
    "stretches",
    [
        [(3.0, 0.1)],
        [(2.0, 0.003), (1.0, 0.1), (2.0, 0.02)],
        [(1.0, 0.0), (1.5, 0.05), (1.0, 0.0)],
    ],
)
def test_it_reads_what_ffmpeg_reads(rate_hz: int, stretches: list[tuple[float, float]]) -> None:
    samples = noise(rate_hz, *stretches)
    assert measure_lufs(samples, rate_hz) == pytest.approx(by_ffmpeg(samples, rate_hz), abs=0.2)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_standards_reference_tone_reads_as_the_standard_says(rate_hz: int) -> None:
    sine = np.sin(2 * np.pi * 997 * np.arange(rate_hz * 3) / rate_hz)
    assert measure_lufs(pcm(sine), rate_hz) == pytest.approx(-3.01, abs=0.1)


def test_pauses_and_a_noise_floor_do_not_count() -> None:
    spoken = noise(24_000, (8.0, 0.1))
    with_pauses = np.concatenate([noise(24_000, (5.0, 0.0001)), spoken, noise(24_000, (5.0, 0.0005))])
    assert measure_lufs(with_pauses, 24_000) == pytest.approx(measure_lufs(spoken, 24_000), abs=0.3)


def test_a_word_shorter_than_a_block_is_measured_whole() -> None:
    assert measure_lufs(noise(24_000, (0.2, 0.1)), 24_000) == pytest.approx(-17.0, abs=0.5)


def test_silence_has_no_loudness() -> None:
    assert measure_lufs(np.zeros(0, np.int16), 24_000) == -math.inf
    assert measure_lufs(np.zeros(48_000, np.int16), 24_000) == -math.inf


def test_the_gain_reaches_the_target_within_its_bound() -> None:
    assert gain_for(-26.0) == 10.0
    assert gain_for(-9.0) == -7.0
    assert gain_for(-60.0) == 20.0
    assert gain_for(-30.0, target_lufs=-20.0, max_gain_db=6.0) == 6.0


def test_a_voice_is_calibrated_from_what_it_says_in_any_chunks() -> None:
    spoken = noise(24_000, (2.0, 0.02))
    chunks = [PcmChunk(part, 24_000) for part in np.array_split(spoken, 7)]
    gain = calibrate(chunks)
    assert gain == VoiceGain(measure_lufs(spoken, 24_000), gain_for(measure_lufs(spoken, 24_000)))
    raised = np.rint(spoken * 10 ** (gain.gain_db / 20)).astype(np.int16)
    assert measure_lufs(raised, 24_000) == pytest.approx(-16.0, abs=0.1)


def test_a_voice_that_said_nothing_is_left_as_it_is() -> None:
    assert calibrate([]) == VoiceGain(-math.inf, 0.0)
    assert calibrate([PcmChunk(np.zeros(24_000, np.int16), 24_000)]) == VoiceGain(-math.inf, 0.0)
