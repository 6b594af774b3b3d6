from __future__ import annotations

import pytest
from antiphon_core.errors import BadSettings
from antiphon_orchestrator.llm.echo import EchoLlm
from antiphon_orchestrator.ports import ChatDelta, ChatMessage, ChatRequest
from llm.asking import QUESTION, all_of, text_of


def asking(*texts: str, max_tokens: int | None = None) -> ChatRequest:
    return ChatRequest([ChatMessage("user", text) for text in texts], max_tokens=max_tokens)


async def test_it_says_back_what_the_user_said_last() -> None:
    request = ChatRequest([*QUESTION.messages, ChatMessage("assistant", "Hi"), ChatMessage("user", "How  are\nyou?")])
    assert await text_of(EchoLlm(), request) == "You said: How  are\nyou?"


async def test_it_speaks_word_by_word_and_tells_the_cost() -> None:
    assert await all_of(EchoLlm("{text}!"), asking("One two")) == [
        ChatDelta("One "),
        ChatDelta("two!"),
        ChatDelta(finish_reason="stop", input_tokens=2, output_tokens=2),
    ]


async def test_braces_in_what_was_said_are_only_braces() -> None:
    assert await text_of(EchoLlm("<{text}>"), asking("{text} {0}")) == "<{text} {0}>"


@pytest.mark.parametrize("request_", [asking(), asking(" "), ChatRequest([ChatMessage("assistant", "Hi")])])
async def test_it_has_an_answer_to_silence(request_: ChatRequest) -> None:
    assert await text_of(EchoLlm(silence="Yes?"), request_) == "Yes?"


async def test_it_says_no_more_than_is_allowed() -> None:
    deltas = await all_of(EchoLlm(), asking("One two three", max_tokens=3))
    assert "".join(delta.text for delta in deltas) == "You said: One "
    assert deltas[-1].finish_reason == "length"


def test_a_template_without_place_for_the_words_is_refused() -> None:
    with pytest.raises(BadSettings, match="must say where"):
        EchoLlm("You said something")
