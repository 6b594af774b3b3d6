"""Where another worker goes on: with the word that was being made, whoever made what before."""

from __future__ import annotations

from antiphon_core.audio import Frame, PcmFormat, TextMark
from antiphon_orchestrator.ports import Handover
from antiphon_orchestrator.speech.progress import Progress

AUDIO = PcmFormat(24_000)
SIZE = AUDIO.frame_samples
TEXT = "One two three."


def make(progress: Progress, frames: int) -> None:
    for _ in range(frames):
        progress.frame(Frame(0, bytes(SIZE * 2), SIZE))


def test_nothing_made_is_nothing_to_hand_over() -> None:
    progress = Progress(TEXT, AUDIO)
    progress.next_worker()
    assert not progress.begun
    assert (progress.handover, progress.rest) == (Handover(0, 0), TEXT)


def test_the_word_being_made_is_said_by_the_next_one() -> None:
    progress = Progress(TEXT, AUDIO)
    progress.mark(TextMark(0, 3, 0))
    make(progress, 10)
    progress.mark(TextMark(4, 3, 10 * SIZE))
    make(progress, 2)
    progress.next_worker()
    assert (progress.handover, progress.rest) == (Handover(4, 10 * SIZE), "two three.")


def test_a_word_whose_sound_has_not_come_yet_was_not_being_made() -> None:
    progress = Progress(TEXT, AUDIO)
    progress.mark(TextMark(0, 3, 0))
    progress.mark(TextMark(4, 3, 10 * SIZE))
    make(progress, 9)
    progress.next_worker()
    assert progress.handover == Handover(0, 0)


def test_without_marks_all_is_said_again() -> None:
    progress = Progress(TEXT, AUDIO)
    make(progress, 9)
    progress.next_worker()
    assert (progress.handover, progress.rest) == (Handover(0, 0), TEXT)


def test_offsets_go_on_over_several_workers() -> None:
    progress = Progress(TEXT, AUDIO)
    progress.mark(TextMark(0, 3, 0))
    make(progress, 10)
    progress.mark(TextMark(4, 3, 10 * SIZE))
    make(progress, 1)
    progress.next_worker()
    progress.next_worker()  # the second gave nothing
    assert progress.handover == Handover(4, 10 * SIZE)
    assert progress.mark(TextMark(0, 3, 5)) == TextMark(4, 3, 10 * SIZE + 5)
    make(progress, 10)
    progress.mark(TextMark(4, 6, 9 * SIZE))
    progress.next_worker()
    assert (progress.handover, progress.rest) == (Handover(8, 19 * SIZE), "three.")
    assert progress.frame(Frame(0, b"", 7)).seq == 21
    assert progress.speech_samples == 21 * SIZE + 7
