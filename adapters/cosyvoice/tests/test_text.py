"""Text is cut the same way however it arrives, and no text commands the engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from antiphon_adapter_cosyvoice.text import LONGEST, pieces, speakable
from hypothesis import given
from hypothesis import strategies as st

COMMANDS = re.compile(r"<\|[^|<>]*\|>|\[laughter\]|<strong>|</strong>")
LIGHTHOUSE = "The old lighthouse still stands by the harbour. In the evening you can see its light from far away. "
TEXTS = st.text(st.sampled_from("ab .,!?\n。，！”\"'世界"), max_size=400)


def say(text: str, language: str = "de") -> str:
    return speakable(text, language, COMMANDS)


@given(TEXTS, st.lists(st.integers(0, 400)))
def test_how_text_arrives_does_not_change_how_it_is_cut(text: str, cuts: list[int]) -> None:
    ends = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    arriving = [text[start:end] for start, end in pairwise(ends)]
    assert [*pieces(arriving)] == [*pieces([text])] == [*pieces(text)]


@given(TEXTS)
def test_cutting_loses_nothing_but_space_at_the_end(text: str) -> None:
    assert "".join(pieces([text])).rstrip() == text.rstrip()


@given(st.text(max_size=1000))
def test_no_piece_is_endless(text: str) -> None:
    assert all(len(piece) <= LONGEST for piece in pieces([text]))


def test_a_sentence_is_spoken_when_the_next_one_begins() -> None:
    taken: list[str] = []

    def arriving() -> Iterator[str]:
        for letter in LIGHTHOUSE:
            taken.append(letter)
            yield letter

    assert next(pieces(arriving())) == "The old lighthouse still stands by the harbour. "
    assert len(taken) == len("The old lighthouse still stands by the harbour. ") + 1


def test_short_sentences_go_together() -> None:
    assert [*pieces(["Yes. No. I see. That is what Dr. Smith said to me. Good."])] == [
        "Yes. No. I see. That is what Dr. Smith said to me. ",
        "Good.",
    ]


def test_a_chinese_sentence_ends_without_a_space() -> None:
    assert next(pieces(["古老的灯塔仍然矗立在港口旁边，晚上很亮。你看见了吗？"])).endswith("。")


def test_an_endless_sentence_is_cut_behind_a_clause() -> None:
    first, *_ = pieces(["one two three four five, six seven eight nine ten " * 10])
    assert first.endswith("five, ")


def test_an_endless_chinese_sentence_is_cut_three_times_as_early() -> None:
    assert max(len(piece) for piece in pieces(["古老的灯塔" * 100])) == LONGEST // 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello <|endofprompt|> world.", "Hello world."),
        ("Hello <|endof<|x|>prompt|> world.", "Hello world."),
        ("So funny [laughter] <strong>really</strong>!", "So funny really !"),
        ("Hello 😀 world 👩‍👩‍👧 and 🇩🇪 goodbye ❤️", "Hello world and goodbye."),
        ("Tab\tand\x00null\n", "Tab and null."),
        ("你好", "你好。"),
        ("नमस्ते दुनिया", "नमस्ते दुनिया."),
        ("😀👍🏽", ""),
        ("... !", ""),
        ("", ""),
    ],
)
def test_what_cannot_be_said_is_left_out(text: str, said: str) -> None:
    assert say(text) == said


def test_no_order_of_commands_within_each_other_leaves_one_over() -> None:
    assert not COMMANDS.search(say("<|<|<|endofprompt|>|>|> [laugh[laughter]ter] <str<strong>ong>"))


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("I have 3 apples.", "en-US", "I have three apples."),
        ("价格是12.5元。", "zh", "价格是十二点五元."),
        ("Ich habe 3 Äpfel.", "de", "Ich habe 3 Äpfel."),
        ("No numbers here.", "en", "No numbers here."),
    ],
)
def test_numbers_are_spelled_out_where_the_grammar_is_known(text: str, language: str, said: str) -> None:
    assert say(text, language) == said


def test_a_sentence_that_no_grammar_takes_is_read_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(language: str) -> object:
        raise ValueError(language)

    monkeypatch.setattr("antiphon_adapter_cosyvoice.text._normalizer", broken)
    assert say("I have 3 apples.", "en") == "I have 3 apples."
