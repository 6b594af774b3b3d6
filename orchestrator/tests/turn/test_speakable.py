from __future__ import annotations

import pytest
from antiphon_orchestrator.turn.segmenter import Segment
from antiphon_orchestrator.turn.speakable import speakable
from antiphon_orchestrator.utterance_line import Script
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Plain text, with 3.14 and a-b.", "Plain text, with 3.14 and a-b."),
        ("# A *very* **big** `title`\n\n", "A very big title"),
        ("- [x] milk\n", "milk"),
        ("> quoted", "quoted"),
        ("1. First", "1. First"),
        ("See [the docs](https://example.com/a_(b)) now", "See the docs now"),
        ("![a cat](cat.png)", "a cat"),
        ("Go to https://www.example.com/a/b?c=d.", "Go to example.com."),
        ("Go to <https://example.com:8080/>, please", "Go to example.com, please"),
        ("or www.example.com!", "or example.com!"),
        ("Mail me@example.com", "Mail me@example.com"),
        ("Great 😀👩‍💻🇩🇪 job 1️⃣!", "Great job!"),
        ("snake_case, __init__ and _it_ stay", "snake_case, init and it stay"),
        ("2 * 3 is 2*3 and 2**10, **5** of 这是**重点**内容", "2 * 3 is 2*3 and 2**10, 5 of 这是重点内容"),
        ("~~no~~ yes", "no yes"),
        ("| a | b |\n", "a, b"),
        ("|---|:--:|\n", ""),
        ("---\n", ""),
        ("one<br>two", "one two"),
        ("it is so.[1][^2]【3†source】", "it is so."),
        (r"5 \* 6 \# 7", "5 * 6 # 7"),
        ("Bonjour !\nÇa va ?", "Bonjour! Ça va?"),
        ("```", ""),
        ("a < b > c", "a < b > c"),
    ],
)
def test_what_is_written_for_the_eye_is_not_read_aloud(written: str, spoken: str) -> None:
    assert speakable(Segment(written, 0)).text == spoken


def test_a_code_block_is_silent() -> None:
    assert speakable(Segment("```\nx = 1\n```\n", 7, code=True)) == Script("", 7, (21,))


def test_marks_alone_are_silent() -> None:
    assert speakable(Segment('..." ', 3)) == Script("", 3, (8,))


def test_a_position_in_what_is_spoken_leads_back_to_the_reply() -> None:
    reply = "## Hi. Go to **https://example.com/x** now"
    spoken = speakable(Segment(reply[3:], 3))
    assert spoken.text == "Hi. Go to example.com now"
    assert reply[spoken.origin(spoken.text.index("example")) :].startswith("example.com/x")
    assert reply[spoken.origin(spoken.text.index("now")) :] == "now"


@given(st.text(alphabet="ab1 .,!*_`#>|[]()<>-~\\\n/:htps😀\u200d你", max_size=80), st.integers(0, 1_000))
def test_origins_never_go_back_and_letters_keep_their_place(text: str, offset: int) -> None:
    spoken = speakable(Segment(text, offset))
    assert len(spoken.origins) == len(spoken.text) + 1
    assert list(spoken.origins) == sorted(spoken.origins)
    assert spoken.origins[-1] == offset + len(text)
    assert all(
        text[origin - offset] == letter
        for letter, origin in zip(spoken.text, spoken.origins, strict=False)
        if letter.isalnum()
    )


def test_a_phrase_that_goes_on_keeps_the_voice_up() -> None:
    spoken = speakable(Segment("The sky is blue ", 5, goes_on=True))
    assert spoken.text == "The sky is blue,"
    assert [spoken.origin(offset) for offset in (0, 15, 16)] == [5, 21, 21]
