from __future__ import annotations

import pytest
from antiphon_orchestrator.turn.dangling import dangles


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I would like to"), ("en-GB", "Please book a table for."), ("en", "My name is"), ("en", "So, um"),
        ("en", "Well,"), ("en", "I was thinking..."), ("es", "Quiero una mesa para"), ("de", "Ich möchte einen"),
        ("fr", "Je voudrais une"), ("zh", "我想要的"), ("ja", "東京の天気は"), ("xx", "something –"),
    ],
)  # fmt: skip
def test_words_that_want_to_go_on_are_seen(language: str, text: str) -> None:
    assert dangles(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I would like a table for two."), ("en", "Where are you from?"), ("en", ""), ("en", "Stop."),
        ("es", "Quiero una mesa."), ("es", "Para."),
        ("en", "Yes, I am."), ("de", "Mach das Licht an."), ("fr", "Merci beaucoup."), ("zh", "我想要茶。"),
        ("zh", "是吗？"), ("ja", "天気を教えてください。"), ("xx", "for the"),
    ],
)  # fmt: skip
def test_words_that_end_a_turn_are_seen(language: str, text: str) -> None:
    assert not dangles(text, language)
