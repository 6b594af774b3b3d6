from __future__ import annotations

import re

import pytest
from antiphon_orchestrator.llm.leash import Leash
from hypothesis import given
from hypothesis import strategies as st


def said_by(text: str, enough_characters: int = 40) -> str:
    """What is said of `text`, which comes in pieces as from a model, before the leash ends it."""
    leash, said = Leash(enough_characters), ""
    for piece in re.findall(r"\s*\w+|[^\w\s]", text):
        said += piece
        if leash.is_enough(piece):
            break
    return said


@pytest.mark.parametrize(
    "text",
    [
        "Paris.",
        "It is in Rome. Do you want to know more?",
        "One sentence may be as long as it likes, if only it does come to some end before the model does",
        "No, no, no, no! Ha ha ha ha. I said no.",
        "Very, very, very good.",
        "",
    ],
)
def test_what_is_short_enough_is_said_whole(text: str) -> None:
    assert said_by(text) == text


@pytest.mark.parametrize(
    ("said", "unsaid"),
    [
        ("This sentence has more than forty characters.", " Another one comes. And one more."),
        ("Short. Short as well. This one makes it enough!", " And this is too much."),
        ("Is this one not longer than forty characters?", " Yes."),
        ("1. Learn to play the guitar every day. 2. Learn it with your friends.", " 3. Rest."),
        ("He met Mr. J. Smith and his wife in the city of Rome.", " Then he left."),
    ],
)
def test_enough_said_the_answer_ends_with_its_sentence(said: str, unsaid: str) -> None:
    assert said_by(said + unsaid) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A big ol' " + "ol' " * 50, "A big ol' ol' ol' ol' ol' ol'"),
        ("I'm looking at you, " * 9, "I'm looking at you, I'm looking at you, I'm looking at you,"),
        ("z" * 100, "z" * 100),
    ],
)
def test_an_answer_that_goes_round_in_circles_ends(text: str, said: str) -> None:
    assert len(said_by(text, 1_000)) <= len(said) + 4


def test_the_same_sentence_is_not_said_a_third_time() -> None:
    assert said_by("I am sorry. You are right. I  am sorry. You are right.", 1_000) == (
        "I am sorry. You are right. I  am sorry."
    )


@given(st.text(alphabet="ab .!?\"'2é", max_size=200))
def test_an_answer_ends_soon_after_enough_or_with_its_sentence(text: str) -> None:
    leash = Leash(20)
    for place, character in enumerate(text):
        if leash.is_enough(character):
            assert place >= 2
            return
    assert not re.search(r"\w\w[.!?](?=.)", text[20:])
