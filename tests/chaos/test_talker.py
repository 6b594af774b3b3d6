"""What answers a question: all of it, or a part where this machine stood still while it was said."""

from __future__ import annotations

import pytest
from talker import Ask, echo

TEXT = "Amber apple garden. Silver window."


def test_a_question_is_answered_by_the_echo_of_all_of_it() -> None:
    ask = Ask(TEXT)
    assert ask.is_about(echo(TEXT))
    assert ask.is_answered_by(echo(TEXT))
    assert not ask.is_about(echo("Amber apple "))
    assert not ask.is_answered_by(echo("Silver window."))


@pytest.mark.parametrize("whole", [TEXT, "Amber ap\nple garden. Silver window.", "ple garden. Silver window."])
def test_where_it_was_said_in_two_parts_the_last_part_answers_it(whole: str) -> None:
    ask = Ask(TEXT, broken=True)
    assert ask.is_about(echo("Amber ap"))
    assert not ask.is_answered_by(echo("Amber ap"))
    assert ask.is_answered_by(echo(whole))
    assert not ask.is_about(echo("Silver garden."))
