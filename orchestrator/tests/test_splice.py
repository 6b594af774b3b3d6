"""A word that two engines share is heard once, in a conversation and by a listener who can take nothing back."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np
import pytest
from antiphon_core.audio import Frame, PcmFormat, TextMark
from antiphon_orchestrator.fade import silenced
from antiphon_orchestrator.ports import Handover, SpeechEvent
from antiphon_orchestrator.splice import STUB_MS, frames_to_skip, heard_once
from antiphon_orchestrator.testing.virtual_time import virtually
from antiphon_orchestrator.utterance_line import Script, UtteranceLine

AUDIO = PcmFormat(24_000)
SIZE = AUDIO.frame_samples
TEXT = "One two three."
STUB_FRAMES = STUB_MS // 20


def frame(value: int) -> Frame:
    return Frame(0, np.full(SIZE, value, "<i2").tobytes(), SIZE)


def values(line: UtteranceLine) -> list[int]:
    """What is still to be sent: the first sample of each frame."""
    return [int(np.frombuffer(line.take(100), "<i2")[0]) for _ in range(line.waiting_frames)]


def line_with(*words: int, sent: int) -> UtteranceLine:
    """Ten frames a word, of the word's value; so many of all are sent."""
    line = UtteranceLine("u", "i", 1, Script(TEXT), AUDIO)
    for place, word in enumerate(words):
        line.mark(TextMark(place * 4, 3, place * 10 * SIZE))
        for _ in range(10):
            line.push(frame(word))
    for _ in range(sent):
        line.take(100)
    return line


def test_a_word_nobody_heard_gives_way_whole() -> None:
    line = line_with(1, 2, sent=4)
    line.splice(Handover(4, 10 * SIZE))
    line.mark(TextMark(4, 3, 10 * SIZE))
    for _ in range(10):
        line.push(frame(3))
    assert values(line) == [1] * 6 + [3] * 10
    assert line.samples == 20 * SIZE


def test_a_word_cut_within_a_frame_leaves_nothing_of_the_next() -> None:
    line = line_with(1, 2, sent=0)
    line.splice(Handover(4, 10 * SIZE + SIZE // 2))
    line.push(frame(3))
    rest = values(line)
    assert rest == [1] * 10 + [2, 3]
    assert line.samples == 12 * SIZE


def test_the_beginning_of_a_word_is_faded_out_and_said_again() -> None:
    line = line_with(1, 2, sent=10 + STUB_FRAMES - 1)
    line.splice(Handover(4, 10 * SIZE))
    line.mark(TextMark(4, 3, 10 * SIZE))
    line.push(frame(3))
    faded = np.frombuffer(line.take(100), "<i2")
    assert (faded[0], faded[-1]) == (2, 0)
    assert values(line) == [3]
    line.closed = True
    line.hear(line.samples - SIZE // 4)
    assert line.heard_offset() == 7


def test_a_word_that_has_begun_goes_on_where_its_sound_ends() -> None:
    line = line_with(1, 2, sent=10 + STUB_FRAMES)
    line.splice(Handover(4, 10 * SIZE))
    line.mark(TextMark(4, 3, 10 * SIZE))
    for _ in range(10):
        line.push(frame(3))
    line.mark(TextMark(8, 5, 20 * SIZE))
    line.push(frame(4))
    assert values(line) == [2] * (10 - STUB_FRAMES) + [4]
    line.closed = True
    line.hear(20 * SIZE)
    assert line.heard_offset() == 7


def test_an_utterance_may_be_handed_over_twice() -> None:
    line = line_with(1, 2, sent=15)
    line.splice(Handover(4, 10 * SIZE))
    for _ in range(10):
        line.push(frame(3))
    line.push(frame(4))
    line.splice(Handover(8, 20 * SIZE))
    line.push(frame(5))
    assert values(line) == [2] * 5 + [5]


def test_without_marks_what_was_made_is_not_made_again() -> None:
    line = UtteranceLine("u", "i", 1, Script(TEXT), AUDIO)
    for _ in range(10):
        line.push(frame(1))
    for _ in range(5):
        line.take(100)
    line.splice(Handover(0, 0))
    for _ in range(12):
        line.push(frame(2))
    assert values(line) == [1] * 5 + [2] * 2


@pytest.mark.parametrize(("heard_ms", "skipped"), [(-500, 0), (0, 0), (STUB_MS - 1, 0), (STUB_MS, 25), (400, 25)])
def test_what_has_begun_to_be_heard_is_kept(heard_ms: int, skipped: int) -> None:
    assert frames_to_skip(heard_ms * 24, 500 * 24, AUDIO) == skipped


def test_silence_begins_where_it_should() -> None:
    faded = np.frombuffer(silenced(frame(1000).pcm, 400, 24_000), "<i2")
    assert faded[0] == faded[200] == 1000
    assert not faded[400:].any()
    at_once = np.frombuffer(silenced(frame(1000).pcm, 0, 24_000), "<i2")
    assert at_once[0] == 1000
    assert not at_once[192:].any()


@virtually
async def test_a_listener_who_can_take_nothing_back_hears_each_word_once() -> None:
    async def events() -> AsyncGenerator[SpeechEvent, None]:
        for value in (1, 2):
            for _ in range(10):
                yield frame(value)
        yield TextMark(4, 3, 0)
        yield Handover(4, 10 * SIZE)
        for value in (2, 3):
            for _ in range(10):
                yield frame(value)
        yield Handover(8, 19 * SIZE)
        yield frame(4)

    heard = [int(np.frombuffer(one.pcm, "<i2")[0]) async for one in heard_once(events(), 24_000)]
    assert heard == [1] * 10 + [2] * 10 + [3] * 10
