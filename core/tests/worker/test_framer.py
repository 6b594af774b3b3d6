from __future__ import annotations

import numpy as np
import pytest
from antiphon_core.audio import WIRE_RATES_HZ, Frame, PcmChunk, PcmFormat, Samples, TextMark
from antiphon_core.errors import BadFormat, EngineFailed
from antiphon_core.worker.framer import Framed, Framer
from hypothesis import given
from hypothesis import strategies as st

offsets = st.lists(st.integers(0, 2_500), max_size=8)


def framed(samples: Samples, rate_hz: int, out: PcmFormat, cuts: list[int], marks: list[TextMark]) -> list[Framed]:
    """All that comes out when each mark is given with the first chunk."""
    framer = Framer(out)
    events: list[Framed] = []
    for number, part in enumerate(np.split(samples, sorted(cuts))):
        events += framer.push(PcmChunk(part, rate_hz, () if number else tuple(marks)))
    events += framer.finish()
    assert framer.samples == sum(frame.speech_samples for frame in frames(events))
    return events


def frames(events: list[Framed]) -> list[Frame]:
    return [event for event in events if isinstance(event, Frame)]


def marks_at(sample_offsets: list[int]) -> list[TextMark]:
    return [TextMark(number, 1, offset) for number, offset in enumerate(sample_offsets)]


@given(
    st.sampled_from(WIRE_RATES_HZ), st.sampled_from((16_000, 22_050, 24_000)), st.integers(0, 2_000), offsets, offsets
)
def test_frames_are_exact_numbered_and_the_same_however_the_audio_was_cut(
    out_rate_hz: int, rate_hz: int, count: int, cuts: list[int], sample_offsets: list[int]
) -> None:
    samples = np.random.default_rng(count).integers(-9_000, 9_000, count).astype(np.int16)
    out = PcmFormat(out_rate_hz)
    events = framed(samples, rate_hz, out, [], marks_at(sample_offsets))
    assert framed(samples, rate_hz, out, [min(cut, count) for cut in cuts], marks_at(sample_offsets)) == events
    made = frames(events)
    assert [frame.seq for frame in made] == list(range(len(made)))
    assert {len(frame.pcm) for frame in made} <= {out.frame_bytes}
    assert all(frame.speech_samples == out.frame_samples for frame in made[:-1])
    assert 0 <= sum(frame.speech_samples for frame in made) - count * out_rate_hz / rate_hz < 1
    for frame in made:
        assert not any(frame.pcm[frame.speech_samples * 2 :])


@given(st.integers(0, 2_000), offsets)
def test_every_mark_comes_in_order_before_the_frame_it_points_into(count: int, sample_offsets: list[int]) -> None:
    events = framed(np.ones(count, np.int16), 24_000, PcmFormat(48_000), [], marks_at(sample_offsets))
    end = 0
    seen = []
    for event in events:
        if isinstance(event, Frame):
            end += 960
        else:
            seen.append(event.sample_offset)
            assert end <= event.sample_offset < end + 960 or event.sample_offset == count * 2
    assert seen == sorted(min(offset, count) * 2 for offset in sample_offsets)


def test_equal_rates_pass_bit_exact_and_the_last_frame_says_how_much_is_speech() -> None:
    samples = np.arange(-600, 600, dtype=np.int16)
    made = frames(framed(samples, 24_000, PcmFormat(24_000), [7], []))
    assert b"".join(frame.pcm for frame in made) == samples.tobytes() + bytes(480)
    assert [frame.speech_samples for frame in made] == [480, 480, 240]


def test_a_frame_leaves_as_soon_as_its_20_ms_exist() -> None:
    framer = Framer(PcmFormat(24_000))
    assert framer.push(PcmChunk(np.ones(479, np.int16), 24_000)) == []
    assert len(framer.push(PcmChunk(np.ones(1, np.int16), 24_000))) == 1


def test_a_mark_at_the_beginning_of_a_frame_comes_right_before_it() -> None:
    mark = TextMark(0, 3, 480)
    events = framed(np.ones(1_440, np.int16), 24_000, PcmFormat(24_000), [], [mark])
    assert events.index(mark) == 1


def test_a_late_mark_leaves_at_once_and_keeps_its_place() -> None:
    framer = Framer(PcmFormat(24_000))
    framer.push(PcmChunk(np.ones(960, np.int16), 24_000))
    late = TextMark(0, 3, 100)
    assert framer.push(PcmChunk(np.ones(480, np.int16), 24_000, (late,)))[0] == late


def test_a_mark_before_the_beginning_is_moved_to_it() -> None:
    events = framed(np.ones(480, np.int16), 24_000, PcmFormat(24_000), [], [TextMark(0, 3, -7)])
    assert events[0] == TextMark(0, 3, 0)


def test_an_engine_that_changes_its_rate_is_told_so() -> None:
    framer = Framer(PcmFormat())
    framer.push(PcmChunk(np.ones(10, np.int16), 24_000))
    with pytest.raises(EngineFailed, match="from 24000 to 22050 Hz within an utterance"):
        framer.push(PcmChunk(np.ones(10, np.int16), 22_050))


def test_an_engine_without_a_true_rate_is_told_so() -> None:
    with pytest.raises(EngineFailed, match="chunk at 0 Hz"):
        Framer(PcmFormat()).push(PcmChunk(np.ones(10, np.int16), 0))


def test_a_rate_that_is_not_offered_is_refused_with_the_list() -> None:
    with pytest.raises(BadFormat, match="8000, 16000, 24000, 48000") as refused:
        Framer(PcmFormat(44_100))
    assert refused.value.allowed == ("8000", "16000", "24000", "48000")
