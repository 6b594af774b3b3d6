from __future__ import annotations

import pytest
from antiphon_core.audio import Frame, PcmFormat, TextMark
from antiphon_orchestrator.utterance_line import Script, UtteranceLine
from hypothesis import given
from hypothesis import strategies as st

FRAME_SAMPLES = 480


def line(frames: int, script: Script, *, closed: bool = True, marks: tuple[TextMark, ...] = ()) -> UtteranceLine:
    made = UtteranceLine("u1", "i1", 1, script, PcmFormat(24_000))
    for seq in range(frames):
        made.push(Frame(seq, bytes(960), FRAME_SAMPLES))
    for mark in marks:
        made.mark(mark)
    made.closed = closed
    return made


def heard_offset(made: UtteranceLine, frames: float) -> int:
    for _ in range(made.waiting_frames):
        made.take(100)
    made.hear(int(frames * FRAME_SAMPLES))
    return made.heard_offset()


WORDS = (TextMark(0, 3, 0), TextMark(4, 3, 10 * FRAME_SAMPLES), TextMark(8, 5, 20 * FRAME_SAMPLES))


@pytest.mark.parametrize(
    ("frames", "text"),
    [(0, ""), (4, ""), (5, "one"), (14, "one"), (15, "one two"), (29, "one two three"), (30, "one two three.")],
)
def test_a_word_counts_as_heard_when_half_of_it_was(frames: float, text: str) -> None:
    script = Script("one two three.")
    assert script.text[: heard_offset(line(30, script, marks=WORDS), frames)] == text


def test_marks_beyond_the_text_are_not_believed() -> None:
    assert heard_offset(line(30, Script("one"), marks=WORDS), 25) == 3


@pytest.mark.parametrize(
    ("frames", "text"), [(0, ""), (10, "one"), (17, "one two"), (29, "one two"), (30, "one two three")]
)
def test_without_marks_text_is_heard_as_far_as_its_sound_to_the_end_of_a_word(frames: float, text: str) -> None:
    script = Script("one two three")
    assert script.text[: heard_offset(line(30, script), frames)] == text


def test_text_without_spaces_is_heard_to_a_character() -> None:
    assert heard_offset(line(30, Script("今天天气很好")), 15) == 3


def test_while_more_sound_may_come_the_texts_length_is_the_guide() -> None:
    script = Script("a word " * 20)
    assert heard_offset(line(50, script, closed=False), 50) == 13
    assert heard_offset(line(50, script), 25) == 69


def test_positions_lead_back_to_the_reply() -> None:
    assert Script("abc", 10).origin(3) == 13
    assert Script("abc", 10, (10, 15, 16, 20)).origin(1) == 15
    assert heard_offset(line(30, Script("ab cd", 10, (12, 13, 14, 20, 21, 30))), 20) == 14


@given(st.integers(0, 60), st.integers(0, 60), st.booleans(), st.booleans())
def test_what_was_heard_grows_with_the_sound(less: int, more: int, closed: bool, marked: bool) -> None:
    less, more = sorted((less, more))
    script = Script("one two three.")
    earlier, later = (line(30, script, closed=closed, marks=WORDS if marked else ()) for _ in range(2))
    assert 0 <= heard_offset(earlier, less) <= heard_offset(later, more) <= len(script.text)


@given(st.integers(0, 120), st.integers(0, 130), st.sampled_from([(), WORDS]), st.integers(1, 60))
def test_going_back_stays_within_what_is_kept_and_was_sent(
    sent: int, heard: int, marks: tuple[TextMark, ...], history: int
) -> None:
    made = line(120, Script("one two three."), marks=marks)
    for _ in range(sent):
        made.take(history)
    made.rewind(heard)
    assert max(0, sent - history) <= made.cursor <= sent
    assert made.waiting_frames == 120 - made.cursor
    made.rewind(heard)
    if made.waiting_frames:
        assert made.peek() == bytes(960)


def test_a_word_boundary_too_far_back_is_not_used() -> None:
    made = line(120, Script("one two three."), marks=WORDS)
    for _ in range(110):
        made.take(200)
    made.rewind(105)
    assert 75 <= made.cursor <= 105


def test_a_forgotten_line_keeps_what_was_heard() -> None:
    made = line(30, Script("one two three."), marks=WORDS)
    made.hear(15 * FRAME_SAMPLES)
    made.forget_audio()
    assert made.waiting_frames == 0
    assert made.heard_offset() == len("one two")
