"""Cutting texts and finding words again."""

from __future__ import annotations

import pytest
from antiphon_adapter_piper.clauses import FIRST_MAX, PIECE_MAX, pieces
from antiphon_adapter_piper.words import word_marks
from hypothesis import given
from hypothesis import strategies as st


def cut(text: str) -> list[str]:
    return [piece for _, piece in pieces(text)]


@given(st.text(max_size=3 * PIECE_MAX))
def test_cutting_loses_nothing(text: str) -> None:
    assert "".join(cut(text)) == text
    assert all(text[offset:].startswith(piece) for offset, piece in pieces(text))
    assert all(0 < len(piece) <= PIECE_MAX for piece in cut(text))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Well, hello there, my friend.", "Well, hello there,"),
        ("The old house stands; nobody lives in it.", "The old house stands;"),
        ('He said "never again," and left.', 'He said "never again,"'),
        ("It costs 1,200.50 euros, I think.", "It costs 1,200.50 euros,"),
        ("今日はとてもいい天気ですね、散歩に行きましょう。", "今日はとてもいい天気ですね、"),
        ("Hello there.", "Hello there."),
    ],
)
def test_the_first_piece_is_the_first_clause_that_is_long_enough(text: str, first: str) -> None:
    assert cut(text)[0] == first


def test_a_first_sentence_without_clauses_is_cut_between_words() -> None:
    first = cut("word " * 60)[0]
    assert FIRST_MAX - 10 < len(first) <= FIRST_MAX
    assert first.endswith("word ")


def sounds(*phonemes: str) -> list[tuple[str, int]]:
    """Every sign is 100 samples long."""
    return [(sign, 100 * at) for at, sign in enumerate("".join(phonemes))]


def starts(text: str, said: str, **alone: str) -> list[tuple[str, int]]:
    marks = word_marks(text, sounds(said), lambda word: list(alone.get(word, word)))
    return [(text[mark.text_offset :][: mark.text_length], mark.sample_offset) for mark in marks]


def test_words_are_the_runs_between_blanks() -> None:
    assert starts("one, two", "wˈʌn, tˈu") == [("one,", 0), ("two", 600)]


def test_words_that_are_run_together_are_told_apart_by_what_they_are_alone() -> None:
    said = starts("out of the way", "aʊt ʌvðə weɪ", out="aʊt", of="ʌv", the="ðə", way="weɪ")
    assert said == [("out", 0), ("of", 400), ("the", 600), ("way", 900)]


def test_a_number_is_one_word_however_many_are_spoken() -> None:
    said = starts("say 12 now", "seɪ twɛlv naʊ", say="seɪ", now="naʊ", **{"12": "twɛlv"})
    assert said == [("say", 0), ("12", 400), ("now", 1000)]


def test_a_word_that_sounds_like_nothing_that_was_said_lies_between_its_neighbours() -> None:
    (_, before), (_, unknown), (_, after) = starts("go 5 up", "abc ghi", go="abc", up="ghi", **{"5": "xyz"})
    assert before < unknown < after


def test_a_text_that_was_not_said_has_no_marks() -> None:
    assert starts("one 2", "") == []
