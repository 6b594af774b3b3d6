from __future__ import annotations

import pytest
from antiphon_orchestrator.turn.last_words import LastWords, last_words


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I would like to"), ("en-GB", "Please book a table for."), ("en", "My name is"), ("en", "So, um"),
        ("en", "Well,"), ("en", "I was thinking..."), ("es", "Quiero una mesa para"), ("de", "Ich möchte einen"),
        ("fr", "Je voudrais une"), ("zh", "我想要的"), ("ja", "東京の天気は"), ("xx", "something –"),
    ],
)  # fmt: skip
def test_words_that_want_to_go_on_are_seen(language: str, text: str) -> None:
    assert last_words(text, language) is LastWords.OPEN


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I would like a table for two."), ("en", ""), ("en", "Stop."),
        ("es", "Quiero una mesa."), ("es", "Para."),
        ("en", "Yes, I am."), ("de", "Mach das Licht an."), ("fr", "Merci beaucoup."), ("zh", "我想要茶。"),
        ("ja", "天気を教えてください。"), ("xx", "for the"),
    ],
)  # fmt: skip
def test_words_that_end_a_turn_are_seen(language: str, text: str) -> None:
    assert last_words(text, language) is LastWords.CLOSED


@pytest.mark.parametrize(("language", "text"), [("en", "Where are you from?"), ("zh", "是吗？"), ("xx", "the ? ")])
def test_a_question_is_seen_by_its_mark(language: str, text: str) -> None:
    assert last_words(text, language) is LastWords.ASKING
