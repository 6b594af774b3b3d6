"""Which recordings a voice can be cloned from, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from antiphon_adapter_cosyvoice.clip import BadClip, Clip, check_transcript, checked, read_clip
from random_pack import TRANSCRIPT, clip


def written(path: Path, samples: object, rate_hz: int = 24_000) -> Path:
    soundfile.write(path, samples, rate_hz)
    return path


def test_a_clip_is_read_as_it_is(tmp_path: Path) -> None:
    read = read_clip(written(tmp_path / "a.wav", clip(0, 4.0)))
    assert read.rate_hz == 24_000
    assert read.duration_s == pytest.approx(4.0, abs=0.01)


def test_two_channels_at_8_khz_become_one_of_the_same_length(tmp_path: Path) -> None:
    left = clip(0, 5.0, rate_hz=8_000)
    read = read_clip(written(tmp_path / "a.wav", np.stack([left, left], axis=1), 8_000))
    assert (read.samples.ndim, read.rate_hz) == (1, 8_000)
    assert read.duration_s == pytest.approx(5.0, abs=0.01)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3"])
def test_other_formats_serve_as_well(tmp_path: Path, name: str) -> None:
    assert read_clip(written(tmp_path / name, clip(0))).duration_s == pytest.approx(4.2, abs=0.2)


def test_silence_around_speech_is_left_out() -> None:
    silence = np.zeros(48_000, np.float32)
    speech = clip(0, 4.0)
    assert checked(Clip(np.concatenate([silence, speech, silence]), 24_000)).duration_s == pytest.approx(4.4, abs=0.02)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros(96_000), "it is silent"),
        (clip(0, 1.0), r"it holds 1\.0 s of speech; 2 to 30 s are needed"),
        (clip(0, 40.0), r"it holds 40\.0 s of speech"),
        (clip(0, 300.0), r"it holds 300\.0 s of speech"),
        (np.zeros(0), "it is silent"),
    ],
)
def test_a_clip_that_cannot_serve_says_why(tmp_path: Path, samples: object, said: str) -> None:
    with pytest.raises(BadClip, match=said):
        read_clip(written(tmp_path / "a.wav", samples))


def test_a_clip_from_a_telephone_of_old_is_refused() -> None:
    with pytest.raises(BadClip, match="sampled at 6000 Hz; at least 8000 Hz"):
        checked(Clip(clip(0, 4.0, 6_000), 6_000))


def test_a_clip_with_samples_that_are_no_numbers_is_refused() -> None:
    samples = clip(0)
    samples[7] = np.nan
    with pytest.raises(BadClip, match="not all numbers"):
        checked(Clip(samples, 24_000))


@pytest.mark.parametrize("content", [b"", b"this is a text and no sound", b"RIFF\x00\x00\x00\x00WAVE"])
def test_what_is_not_audio_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.wav"
    path.write_bytes(content)
    with pytest.raises(BadClip, match=r"notes\.wav is not audio that can be read"):
        read_clip(path)


@pytest.mark.parametrize("words", [TRANSCRIPT, "今天的天气很好，我们一起去公园散步吧。"])
def test_words_that_fit_are_taken(words: str) -> None:
    check_transcript(words, Clip(clip(0), 24_000))


@pytest.mark.parametrize("words", ["Hi.", "...", TRANSCRIPT * 5, "天" * 60])
def test_words_that_cannot_be_those_of_the_clip_are_refused(words: str) -> None:
    with pytest.raises(BadClip, match=r"letters for 4\.2 s of speech, where 8 to 126 are possible"):
        check_transcript(words, Clip(clip(0), 24_000))
