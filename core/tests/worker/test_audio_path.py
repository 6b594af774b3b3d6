from __future__ import annotations

import numpy as np
import pytest
from antiphon_core.audio import Frame, PcmChunk, PcmFormat, Samples, TextMark
from antiphon_core.errors import EngineFailed
from antiphon_core.worker.audio_path import AudioPath, slices
from antiphon_core.worker.framer import Framed
from antiphon_core.worker.trim import TrimSettings
from hypothesis import given
from hypothesis import strategies as st

RATE_HZ = 24_000
AS_IT_IS = TrimSettings(enabled=False)


def tone(ms: int, peak: int = 3_000) -> Samples:
    return np.asarray(peak * np.sin(np.arange(ms * 24) * 2 * np.pi * 440 / RATE_HZ), np.int16)


def silence(ms: int) -> Samples:
    return np.zeros(ms * 24, np.int16)


def heard(events: list[Framed]) -> Samples:
    return np.concatenate(
        [np.frombuffer(event.pcm, np.int16)[: event.speech_samples] for event in events if isinstance(event, Frame)]
    )


def marks(events: list[Framed]) -> list[TextMark]:
    return [event for event in events if isinstance(event, TextMark)]


@given(st.sampled_from([8_000, 24_000, 48_000]), st.floats(-6, 24), st.lists(st.integers(0, 12_000), max_size=8))
def test_what_leaves_is_the_same_however_the_engine_cuts_its_audio(
    out_rate_hz: int, gain_db: float, cuts: list[int]
) -> None:
    speech = np.concatenate([silence(150), tone(100), silence(100), tone(50, 20_000), silence(100)])
    mark = TextMark(0, 5, 150 * 24)
    outcomes = []
    for parts in ([speech], np.split(speech, sorted(cuts))):
        path = AudioPath(PcmFormat(out_rate_hz), gain_db=gain_db)
        events = [
            event
            for number, part in enumerate(parts)
            for event in path.push(PcmChunk(part, RATE_HZ, () if number else (mark,)))
        ]
        outcomes.append(events + path.finish())
        assert path.samples == len(heard(outcomes[-1]))
    assert outcomes[0] == outcomes[1]


def test_trimmed_speech_begins_soon_and_its_mark_with_it() -> None:
    path = AudioPath(PcmFormat(RATE_HZ))
    speech = np.concatenate([silence(250), tone(100), silence(400)])
    events = path.push(PcmChunk(speech, RATE_HZ, (TextMark(0, 5, 250 * 24),))) + path.finish()
    assert marks(events) == [TextMark(0, 5, 20 * 24)]
    assert len(heard(events)) == (20 + 100 + 200) * 24
    assert np.array_equal(heard(events)[20 * 24 : 120 * 24], tone(100))


def test_the_gain_is_applied_before_the_threshold() -> None:
    quiet = np.concatenate([silence(100), tone(50, 1_000), tone(100, 20), silence(300)])
    kept = []
    for gain_db in (0.0, 20.0):
        path = AudioPath(PcmFormat(RATE_HZ), gain_db=gain_db)
        kept.append(len(heard(path.push(PcmChunk(quiet, RATE_HZ)) + path.finish())))
    assert kept == [(20 + 50 + 200) * 24, (20 + 50 + 100 + 200) * 24]


def test_each_piece_is_trimmed_and_its_marks_count_from_its_own_beginning() -> None:
    path = AudioPath(PcmFormat(48_000))
    piece = PcmChunk(np.concatenate([silence(210), tone(100), silence(290)]), RATE_HZ, (TextMark(1, 3, 210 * 24),))
    events = path.next_piece(0) + path.push(piece)
    events += path.next_piece(7) + path.push(piece) + path.finish()
    piece_ms = 20 + 100 + 200
    assert len(heard(events)) == 2 * piece_ms * 48
    assert marks(events) == [TextMark(1, 3, 20 * 48), TextMark(8, 3, (piece_ms + 20) * 48)]
    frames = [event for event in events if isinstance(event, Frame)]
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    assert all(frame.speech_samples == 960 for frame in frames[:-1])


def test_an_utterance_without_audio_has_no_frames() -> None:
    path = AudioPath(PcmFormat())
    assert path.push(PcmChunk(silence(0), RATE_HZ)) + path.finish() == []
    assert AudioPath(PcmFormat()).finish() == []
    assert path.samples == 0


def test_the_first_frame_leaves_when_20_ms_and_what_the_stages_hold_exist() -> None:
    path = AudioPath(PcmFormat(48_000), AS_IT_IS)
    assert path.push(PcmChunk(tone(20), RATE_HZ)) == []
    assert len(path.push(PcmChunk(tone(2), RATE_HZ))) == 1


def test_an_engine_that_changes_its_rate_between_pieces_is_told_so() -> None:
    path = AudioPath(PcmFormat())
    path.push(PcmChunk(tone(20), RATE_HZ))
    path.next_piece(5)
    with pytest.raises(EngineFailed, match="from 24000 to 16000 Hz"):
        path.push(PcmChunk(tone(20), 16_000))


def test_slices_are_the_chunk_in_short() -> None:
    chunk = PcmChunk(tone(650), RATE_HZ, (TextMark(0, 1, 3),))
    parts = list(slices(chunk))
    assert [len(part.samples) / 24 for part in parts] == [100, 500, 50]
    assert [part.marks for part in parts] == [chunk.marks, (), ()]
    assert np.array_equal(np.concatenate([part.samples for part in parts]), chunk.samples)
    assert next(slices(PcmChunk(silence(0), RATE_HZ, chunk.marks))).marks == chunk.marks
