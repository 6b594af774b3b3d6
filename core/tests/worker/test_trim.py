from __future__ import annotations

import numpy as np
import pytest
from antiphon_core.audio import PcmChunk, Samples, TextMark
from antiphon_core.worker.trim import Trimmer, TrimSettings
from hypothesis import given
from hypothesis import strategies as st

RATE_HZ = 8_000
MS = RATE_HZ // 1000
SETTINGS = TrimSettings(lead_keep_ms=20, tail_keep_ms=150, lead_max_ms=1_000, hold_max_ms=600)
milliseconds = st.integers(0, 1_500)


def silence(ms: int) -> Samples:
    """As engines make it: not quite zero."""
    return np.random.default_rng(ms).integers(-3, 4, ms * MS).astype(np.int16)


def sound(ms: int, dbfs: float = -20.0) -> Samples:
    noise = np.random.default_rng(ms).normal(0, 32768 * 10 ** (dbfs / 20), ms * MS)
    return np.clip(np.rint(noise), -32768, 32767).astype(np.int16)


def trimmed(samples: Samples, settings: TrimSettings = SETTINGS, cuts: list[int] | None = None) -> Samples:
    trimmer = Trimmer(RATE_HZ, settings)
    parts = [trimmer.push(PcmChunk(part, RATE_HZ)).samples for part in np.split(samples, sorted(cuts or []))]
    return np.concatenate([*parts, trimmer.finish().samples])


@given(st.lists(st.tuples(milliseconds, st.integers(5, 400)), max_size=4), milliseconds, st.data())
def test_what_leaves_is_one_stretch_of_the_input_however_it_was_cut(
    stretches: list[tuple[int, int]], padding_ms: int, data: st.DataObject
) -> None:
    parts = [part for pause_ms, sound_ms in stretches for part in (silence(pause_ms), sound(sound_ms))]
    samples = np.concatenate([*parts, silence(padding_ms)])
    whole = trimmed(samples)
    cuts = data.draw(st.lists(st.integers(0, len(samples)), max_size=10))
    assert np.array_equal(trimmed(samples, cuts=cuts), whole)
    if not stretches:
        assert np.array_equal(whole, samples)
        return
    lead_ms = stretches[0][0]
    cut_ms = max(0, lead_ms - 20) if lead_ms <= 1_000 else 0
    tail_ms = min(padding_ms, max(150, padding_ms - 600))
    lead = _place(whole, samples)
    tail = len(whole) - (len(samples) - lead - padding_ms * MS)
    assert -5 * MS <= lead - cut_ms * MS <= 0
    assert abs(tail - tail_ms * MS) <= 5 * MS


def _place(part: Samples, samples: Samples) -> int:
    """Where `part` stands in `samples`."""
    if not len(part):
        return 0
    windows = np.lib.stride_tricks.sliding_window_view(samples, len(part))
    return int(np.flatnonzero((windows == part).all(axis=1))[0])


@pytest.mark.parametrize(
    ("lead_ms", "padding_ms", "wanted_ms"),
    [(300, 400, 20 + 100 + 150), (10, 100, 10 + 100 + 100), (1_000, 800, 20 + 100 + 200), (1_005, 0, 1_105)],
)
def test_the_ends_keep_exactly_what_is_set(lead_ms: int, padding_ms: int, wanted_ms: int) -> None:
    assert len(trimmed(np.concatenate([silence(lead_ms), sound(100), silence(padding_ms)]))) == wanted_ms * MS


def test_sound_leaves_at_once() -> None:
    trimmer = Trimmer(RATE_HZ, SETTINGS)
    trimmer.push(PcmChunk(np.concatenate([silence(300), sound(10)]), RATE_HZ))
    for count in (1, 79, 160, 3):
        assert len(trimmer.push(PcmChunk(sound(100)[:count], RATE_HZ)).samples) == count


def test_a_pause_within_is_left_as_it_is() -> None:
    samples = np.concatenate([sound(100), silence(450), sound(100)])
    assert np.array_equal(trimmed(samples), samples)


def test_a_long_pause_flows_on_before_its_end_is_known() -> None:
    trimmer = Trimmer(RATE_HZ, SETTINGS)
    trimmer.push(PcmChunk(sound(100), RATE_HZ))
    left = sum(len(trimmer.push(PcmChunk(silence(20), RATE_HZ)).samples) for _ in range(100))
    assert left == (2_000 - 600) * MS


@pytest.mark.parametrize("ending_dbfs", [-45.0, -50.0, -55.0])
def test_a_quiet_consonant_at_the_end_stays_whole(ending_dbfs: float) -> None:
    word = np.concatenate([sound(150), sound(130, ending_dbfs)])
    assert np.array_equal(trimmed(np.concatenate([word, silence(500)]))[: len(word)], word)


def test_a_quiet_consonant_at_the_beginning_stays_whole() -> None:
    word = np.concatenate([sound(80, -55.0), sound(150)])
    assert _place(word, trimmed(np.concatenate([silence(250), word]))) == 20 * MS


def test_a_plosive_after_silence_keeps_what_stands_before_it() -> None:
    burst = np.concatenate([silence(252), sound(8), silence(30), sound(100)])
    assert _place(sound(8), trimmed(burst)) >= 20 * MS


def test_a_voice_below_the_threshold_is_not_touched() -> None:
    for length_ms in (300, 1_700):
        whisper = sound(length_ms, -65.0)
        assert np.array_equal(trimmed(whisper), whisper)


def test_marks_in_a_voice_below_the_threshold_stay() -> None:
    trimmer = Trimmer(RATE_HZ, SETTINGS)
    mark = TextMark(0, 1, 800)
    assert trimmer.push(PcmChunk(sound(200, -65.0), RATE_HZ, (mark,))).marks == ()
    assert trimmer.finish().marks == (mark,)


def test_sound_in_an_incomplete_last_window_is_heard() -> None:
    samples = np.concatenate([silence(200), sound(3)])
    assert np.array_equal(trimmed(samples)[-3 * MS :], sound(3))
    assert len(trimmed(samples)) == 23 * MS


def test_marks_move_with_the_audio_and_wait_for_it() -> None:
    trimmer = Trimmer(RATE_HZ, SETTINGS)
    marks = tuple(TextMark(number, 1, ms * MS) for number, ms in enumerate((0, 200, 260)))
    assert trimmer.push(PcmChunk(silence(200), RATE_HZ, marks)).marks == ()
    given_ms = [mark.sample_offset / MS for mark in trimmer.push(PcmChunk(sound(100), RATE_HZ)).marks]
    assert given_ms == [0, 20, 80]
    later = TextMark(3, 1, 300 * MS)
    assert trimmer.push(PcmChunk(sound(10), RATE_HZ, (later,))).marks == (TextMark(3, 1, 120 * MS),)


def test_switched_off_it_passes_everything() -> None:
    samples = np.concatenate([silence(300), sound(100), silence(300)])
    assert np.array_equal(trimmed(samples, TrimSettings(enabled=False), [100, 3_000]), samples)
