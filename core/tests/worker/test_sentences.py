from __future__ import annotations

from itertools import pairwise

import pytest
from antiphon_core.worker.sentences import Sentences
from hypothesis import given
from hypothesis import strategies as st

MAX_CHARS = 40

scraps = """Hello|3|14.|Dr.|J.|No.|e.g.|a.b/c?d=e|👩🏽‍🚀|é|и|你|. |! |? |...|…|。|！|"|”|“|)|, |，| |  |\n|\n\n"""
prose = st.lists(
    st.one_of(st.sampled_from([*scraps.split("|"), "x" * 30, " " * 30]), st.text(max_size=6)), max_size=25
).map("".join)


def pieces(text: str, cuts: list[int] | None = None, max_chars: int = MAX_CHARS) -> list[str]:
    """The pieces' texts; checks that each says where it stands."""
    sentences = Sentences(max_chars)
    places = [0, *sorted(cut for cut in cuts or [] if cut <= len(text)), len(text)]
    made = []
    for start, end in pairwise(places):
        made += sentences.push(text[start:end])
    made += sentences.finish()
    for piece in made:
        assert text[piece.offset : piece.offset + len(piece.text)] == piece.text
    return [piece.text for piece in made]


@given(prose, st.lists(st.integers(0, 200), max_size=12))
def test_nothing_is_lost_and_arrival_changes_nothing(text: str, cuts: list[int]) -> None:
    whole = pieces(text)
    assert "".join(whole) == text
    assert all(0 < len(piece) <= MAX_CHARS for piece in whole)
    assert pieces(text, cuts) == whole
    assert pieces(text, list(range(len(text)))) == whole


def test_a_sentence_leaves_when_the_next_one_begins() -> None:
    sentences = Sentences()
    assert sentences.push("Hello there. ") == []
    assert [piece.text for piece in sentences.push("H")] == ["Hello there. "]


@pytest.mark.parametrize(
    "text",
    [
        "Hello there. |How are you? |I'm fine!",
        'He said "Stop." |Then he left.',
        "“Really?” she asked. |He nodded.",
        "Is it (really?) |Yes.",
        "Wait... what? |Well… |Yes.",
        "What?! |No.",
        "No. |I won't. |See No. 5 and fig. 3.",
        "你好。|今天天气怎么样？|“好！”|他说。",
        "Привет. |Как дела? |Хорошо.",
        "كيف حالك؟ |جيد.",
        "नमस्ते। |आप कैसे हैं?",
        "Er sagte „Nein.“ |Dann ging er.",
        "A title\n\n|A paragraph\n \n|Another.",
        "\n\nA blank line before. |Not a piece.",
        "The year was 1999. |Then came another.",
    ],
)
def test_it_cuts_between_sentences(text: str) -> None:
    assert pieces(text.replace("|", ""), max_chars=400) == text.split("|")


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith met Mrs. Jones.",
        "J. P. Morgan lived in the U.S. Then.",
        "Come at 5 p.m. Monday, e.g. Fruit.",
        "It is 3.14. or so",
        "Visit https://example.com/a.b?x=1!y or node.js now",
        "1. First",
        "Am 3. Oktober, z.B. Nachts, um ca. 5 Uhr.",
        "(vs. Anyone)",
        "Yahoo! is a name, and so is why? not",
        "one line\nand another",
    ],
)
def test_it_does_not_cut_within_one(text: str) -> None:
    assert pieces(text, max_chars=400) == [text]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("one two three four five, six seven eight nine", ["one two three four five, ", "six seven eight nine"]),
        ("one, two three four five six seven eight nine", ["one, two three four five six seven ", "eight nine"]),
        ("一二三四五" * 5 + "，" + "一二三四五" * 4, ["一二三四五" * 5 + "，", "一二三四五" * 4]),
        ("x" * 41, ["x" * 40, "x"]),
        ("x" * 39 + "e\u0301x", ["x" * 39, "e\u0301x"]),
        ("x" * 38 + "👩🏽\u200d🚀", ["x" * 38, "👩🏽\u200d🚀"]),
        ("\u0301" * 41, ["\u0301" * 40, "\u0301"]),
    ],
)
def test_what_is_too_long_is_cut_where_it_hurts_least(text: str, wanted: list[str]) -> None:
    assert pieces(text) == wanted
