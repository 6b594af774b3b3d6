from __future__ import annotations

import pytest
from antiphon_core.errors import BadText
from antiphon_core.worker.text import clean_text
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello.",
        "  two  spaces\tand a tab\n",
        "<speak>a < b & c</speak>",
        "👩🏽‍🚀 ok",
        "Привет, 世界! שלום",
        "cafe\u0301",
        "\x07",
    ],
)
def test_text_of_any_kind_stays_as_it_is(text: str) -> None:
    assert clean_text(text) == text


def test_every_line_end_becomes_a_newline() -> None:
    assert clean_text("a\r\nb\rc\nd\u2028e\u2029f") == "a \nb\nc\nd\ne\nf"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_no_character_changes_its_place(text: str) -> None:
    cleaned = clean_text(text)
    assert len(cleaned) == len(text)
    assert all(kept == given or given in "\r\u2028\u2029" for kept, given in zip(cleaned, text, strict=True))


@pytest.mark.parametrize(
    ("text", "name"), [("ab\0c", "NUL at character 2"), ("abcd\ud83d e", r"the lone surrogate U\+D83D at character 4")]
)
def test_what_is_no_text_is_refused_by_name_and_place(text: str, name: str) -> None:
    with pytest.raises(BadText, match=name):
        clean_text(text)
