"""What tone says can be heard again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from antiphon_adapter_tone.ears import UNKNOWN, listen, words_in
from antiphon_adapter_tone.recipes import PITCHES_HZ, TONE
from av import AudioFrame, AudioResampler
from hypothesis import given, settings
from hypothesis import strategies as st
from speaking import audio_of, chunks_of, joined

RATE_HZ = TONE.native_rate_hz

TEXT = "Hello there: the quick brown fox doesn't jump over the the lazy dog. Is a Ünïcode 123 okay?"
HEARD = TEXT.lower().translate(str.maketrans("", "", ":.?")).split()


def at_rate(samples: Any, rate_hz: int) -> Any:
    resampler = AudioResampler(format="s16", layout="mono", rate=rate_hz)
    frame = AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
    frame.sample_rate = RATE_HZ
    return np.concatenate([out.to_ndarray()[0] for out in [*resampler.resample(frame), *resampler.resample(None)]])


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("speed", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("voice", list(PITCHES_HZ))
def test_every_word_is_heard_in_every_voice_at_any_speed_and_rate(rate_hz: int, speed: float, voice: str) -> None:
    audio = at_rate(audio_of(TEXT, voice=voice, speed=speed), rate_hz)
    assert words_in(audio, rate_hz, set(HEARD)) == HEARD


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(sorted(set(HEARD))), min_size=1, max_size=12), st.sampled_from([0.5, 1.0, 2.0]))
def test_any_order_of_words_is_heard(said: list[str], speed: float) -> None:
    audio = audio_of(" ".join(said), speed=speed)
    assert words_in(audio, RATE_HZ, HEARD) == said


@pytest.mark.parametrize("voice", list(PITCHES_HZ))
def test_the_voice_is_heard_by_its_pitch(voice: str) -> None:
    for heard in listen(audio_of("some longer words", voice=voice), RATE_HZ, []):
        assert heard.pitch_hz == pytest.approx(PITCHES_HZ[voice], abs=10)


def test_words_are_heard_where_their_marks_say() -> None:
    chunks = chunks_of(TEXT)
    marks = [mark for chunk in chunks for mark in chunk.marks]
    heard = listen(joined(chunks), RATE_HZ, HEARD)
    tolerance = RATE_HZ * 15 // 1000
    assert [word.start_sample for word in heard] == [pytest.approx(m.sample_offset, abs=tolerance) for m in marks]


def test_a_word_outside_the_vocabulary_is_unknown() -> None:
    assert words_in(audio_of("hello world"), RATE_HZ, ["hello"]) == ["hello", UNKNOWN]


def test_quiet_words_beside_loud_ones_are_heard() -> None:
    loud, quiet = audio_of("loud words "), audio_of("quiet words") // 4
    audio = np.concatenate([loud, quiet])
    assert words_in(audio, RATE_HZ, ["loud", "quiet", "words"]) == ["loud", "words", "quiet", "words"]


def test_words_are_heard_through_noise() -> None:
    audio = audio_of(TEXT)
    noise = np.random.default_rng(0).normal(0, 300, len(audio))
    assert words_in((audio + noise).astype(np.int16), RATE_HZ, HEARD) == HEARD


def test_half_a_word_is_no_word() -> None:
    audio = audio_of("cathedral")
    first, second = audio[: len(audio) // 2], audio[len(audio) // 2 :]
    for half in (first, second):
        (heard,) = listen(half, RATE_HZ, ["cathedral", "hello"])
        assert (heard.word, heard.whole) == ("cathedral", False)
    assert words_in(first, RATE_HZ, ["cathedral"]) == []


def test_a_word_cut_short_and_said_again_is_heard_once() -> None:
    word, gap = audio_of("cathedral"), np.zeros(9_600, np.int16)
    audio = np.concatenate([word[: len(word) // 3], gap, word])
    assert words_in(audio, RATE_HZ, ["cathedral"]) == ["cathedral"]
    assert [heard.whole for heard in listen(audio, RATE_HZ, ["cathedral"])] == [False, True]


def test_a_word_that_goes_on_after_a_pause_is_heard_once() -> None:
    word, gap = audio_of("cathedral"), np.zeros(9_600, np.int16)
    audio = np.concatenate([word[: len(word) // 2], gap, word[len(word) // 2 :]])
    assert words_in(audio, RATE_HZ, ["cathedral"]) == ["cathedral"]


def test_the_half_of_an_unknown_word_is_unknown() -> None:
    audio = audio_of("cathedral")
    (heard,) = listen(audio[: len(audio) // 2], RATE_HZ, [])
    assert (heard.word, heard.whole) == (UNKNOWN, False)


def test_bytes_are_heard_like_samples() -> None:
    assert words_in(audio_of("hello").tobytes(), RATE_HZ, ["hello"]) == ["hello"]


@pytest.mark.parametrize("audio", [b"", b"\0\0" * 100, b"\0\0" * 48_000])
def test_silence_holds_no_word(audio: bytes) -> None:
    assert listen(audio, 48_000, ["hello"]) == []


def test_a_vocabulary_of_words_that_sound_alike_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon_adapter_tone.ears.chords", lambda word: ((0, 2, 4), (1, 3, 5)))
    with pytest.raises(ValueError, match="'one' and 'two' sound alike"):
        words_in(b"", 48_000, ["one", "two"])
