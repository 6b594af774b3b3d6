from __future__ import annotations

import pytest
from antiphon_orchestrator.asr.loops import without_loop
from hypothesis import given
from hypothesis import strategies as st

TOKENS = st.lists(st.integers(0, 5), max_size=40)


@pytest.mark.parametrize(
    "words",
    ["", "a", "no , no , no , no", "the cat sat on the mat", "five five five", "very very good", "1 2 3 1 2 3"],
)
def test_what_people_say_is_no_loop(words: str) -> None:
    assert without_loop([ord(word[0]) for word in words.split()]) is None


@pytest.mark.parametrize(
    ("said", "once"),
    [
        ("well x x x x x x", "well x"),
        ("so xy xy xy xy xy xy", "so xy"),
        ("well abcd abcd abcd", "well abcd"),
        ("abcdefghijklmnop" * 3, "abcdefghijklmnop"),
    ],
)
def test_a_loop_is_kept_once(said: str, once: str) -> None:
    tokens = [ord(letter) for letter in said.replace(" ", "")]
    kept = without_loop(tokens)
    assert kept is not None
    assert "".join(map(chr, kept)) == once.replace(" ", "")


@given(TOKENS, st.lists(st.integers(0, 5), min_size=4, max_size=16))
def test_a_phrase_said_three_times_is_always_seen(before: list[int], phrase: list[int]) -> None:
    assert without_loop(before + phrase * 3) is not None


@given(TOKENS)
def test_what_is_kept_is_a_beginning_of_what_was_said(tokens: list[int]) -> None:
    kept = without_loop(tokens)
    assert kept is None or (len(kept) < len(tokens) and tokens[: len(kept)] == kept)


@given(TOKENS)
def test_a_loop_is_seen_at_the_same_token_while_it_is_being_said(tokens: list[int]) -> None:
    unique = [*tokens, 99, 98, 97]
    assert without_loop(unique) is None
