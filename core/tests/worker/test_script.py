from __future__ import annotations

from collections.abc import Sequence

import pytest
from antiphon_core.errors import AntiphonError, BadRequest, BadText
from antiphon_core.utterance import Control, Start, Text, UtteranceMessage
from antiphon_core.worker.script import Script, is_speakable
from hypothesis import given
from hypothesis import strategies as st


def play(messages: Sequence[UtteranceMessage], max_text_bytes: int = 100) -> Script:
    script = Script(max_text_bytes)
    for message in messages:
        assert script.accept(message) is message
    return script


def test_an_utterance_is_start_then_text_with_controls_in_between() -> None:
    script = play([Start(), Control.PAUSE, Text("Hel"), Control.RESUME, Text("lo"), Text("", last=True), Control.STOP])
    script.end()
    assert script.complete


@pytest.mark.parametrize("first", [Text("hello"), *Control])
def test_anything_before_start_is_refused_by_its_name(first: UtteranceMessage) -> None:
    name = f"control {first.value}" if isinstance(first, Control) else "text"
    with pytest.raises(BadRequest, match=f"the first request is {name}; an utterance begins with start"):
        play([first])


def test_start_twice_is_refused() -> None:
    with pytest.raises(BadRequest, match="start came twice"):
        play([Start(), Text("a"), Start()])


def test_text_after_the_last_is_refused() -> None:
    with pytest.raises(BadRequest, match="text came after the one with last set"):
        play([Start(), Text("a", last=True), Text("b")])


def test_requests_that_end_before_the_last_text_are_refused() -> None:
    with pytest.raises(BadRequest, match="ended before a text with last set"):
        play([Start(), Text("a")]).end()
    with pytest.raises(BadRequest, match="ended before start"):
        play([]).end()


@pytest.mark.parametrize("text", ["", "   ", "\n", "...", "?!", "\u200b", "—"])
def test_no_text_is_refused(text: str) -> None:
    with pytest.raises(BadText, match="no text to speak"):
        play([Start(), Text(text), Text("", last=True)])


@pytest.mark.parametrize("text", ["a", "7", "你", "€", "😀", "<b>", "+"])
def test_anything_with_a_sound_or_a_meaning_is_text(text: str) -> None:
    assert is_speakable(f"  {text}. ")


def test_text_is_counted_in_bytes_over_all_pieces() -> None:
    play([Start(), Text("é" * 25), Text("é" * 25, last=True)])
    with pytest.raises(BadText, match="longer than 100 bytes"):
        play([Start(), Text("é" * 25), Text("é" * 25), Text("!", last=True)])


MESSAGES = st.just(Start()) | st.sampled_from(Control) | st.builds(Text, st.text(max_size=8), st.booleans())


@given(st.lists(MESSAGES, max_size=8))
def test_whatever_is_accepted_is_one_start_and_text_that_ends_once(messages: list[UtteranceMessage]) -> None:
    try:
        play(messages, 20).end()
    except AntiphonError:
        return
    texts = [message for message in messages if isinstance(message, Text)]
    assert isinstance(messages[0], Start)
    assert sum(isinstance(message, Start) for message in messages) == 1
    assert [text.last for text in texts] == [False] * (len(texts) - 1) + [True]
    assert 0 < sum(len(text.text.encode("utf-8", "surrogatepass")) for text in texts) <= 20
