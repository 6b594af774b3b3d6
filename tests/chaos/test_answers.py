"""A word that is lost or doubled is noticed, and what may be so is not taken for it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from answers import RATE_HZ, Answer, faults_of, heard_in, spoken
from antiphon_adapter_tone.sound import beep, pause, words
from texts import WORDS

TEXT = "You said: Amber apple garden. Silver window."


def sound(text: str) -> bytes:
    """What the engine makes of it."""

    def pieces() -> Iterator[np.typing.NDArray[np.float32]]:
        for word in words([text]):
            yield pause(max(word.pause_ms, 50), 1.0, RATE_HZ)
            yield beep(word.text, 200.0, 1.0, RATE_HZ)

    return (np.concatenate(list(pieces())) * 32_000).astype("<i2").tobytes()


def answer(heard: str, status: str = "completed", resumes: int = 0) -> Answer:
    one = Answer("resp_1", 0.0, 9.0, status, TEXT, resumes=resumes)
    one.hear(sound(heard), 1.0)
    return one


def faults(one: Answer, *, nobody_there: bool = False) -> list[str]:
    return faults_of(one, heard_in(one, WORDS), nobody_there=nobody_there)


def test_the_words_are_known_apart() -> None:
    assert len(set(WORDS)) == len(WORDS) > 100
    assert not heard_in(Answer("resp_1", 0.0, pcm=bytearray(RATE_HZ)), WORDS)


def test_an_answer_that_was_heard_whole_has_no_fault() -> None:
    assert not faults(answer(TEXT))


@pytest.mark.parametrize(
    ("heard", "what"),
    [
        ("You said: Amber garden. Silver window.", "lost ['apple']"),
        ("You said: Amber apple garden. Silver.", "lost ['window']"),
        ("You said: Amber apple apple garden. Silver window.", "doubled ['apple']"),
        ("You said: Amber apple zebra garden. Silver window.", "doubled ['zebra']"),
    ],
)
def test_a_word_too_many_or_too_few_is_a_fault(heard: str, what: str) -> None:
    (fault,) = faults(answer(heard))
    assert what in fault


def test_after_a_hold_one_word_may_come_again() -> None:
    twice = "You said: Amber apple apple garden. Silver window."
    assert not faults(answer(twice, resumes=1))
    assert faults(answer("You said: Amber apple apple garden garden. Silver window.", resumes=1))


def test_one_that_was_cut_short_is_heard_to_some_word() -> None:
    assert not faults(answer("You said: Amber apple", "cancelled"))
    assert faults(answer("You said: apple", "cancelled"))
    assert faults(answer("You said: Amber apple", "completed"))


def test_what_the_history_keeps_is_what_was_heard() -> None:
    one = answer("You said: Amber apple", "cancelled")
    one.kept = "You said: Amber apple garden."
    assert not faults(one)
    one.kept = TEXT
    assert faults(one)


def test_without_workers_an_apology_is_heard_behind_what_was_said() -> None:
    assert not faults(answer("You said: Amber sorry", "failed"), nobody_there=True)
    assert not faults(answer("sorry", "failed"), nobody_there=True)
    assert faults(answer("You said: garden sorry", "failed"), nobody_there=True)
    assert faults(answer("You said: Amber", "failed"))


def test_silence_within_an_answer_is_a_gap_unless_it_was_held() -> None:
    one, half_s = Answer("resp_1", 0.0), bytes(RATE_HZ)
    one.hear(half_s, 1.0)
    one.hear(half_s, 1.4)
    assert not one.gaps
    one.hear(half_s, 2.25)
    assert [round(gap.length_s, 2) for gap in one.gaps] == [0.25]
    one.wait()
    one.hear(half_s, 9.0)
    assert len(one.gaps) == 1
    assert spoken(TEXT)[:2] == ["You", "said"]
