"""What is written of a conversation is read as it was; what was in the making stays as far as it was heard."""

from __future__ import annotations

import json

import pytest
from antiphon_orchestrator.session.config import Audio, AudioInput, FunctionTool, SessionConfig
from antiphon_orchestrator.session.conversation import (
    AssistantMessage,
    Conversation,
    FunctionCall,
    FunctionCallOutput,
    Item,
    SystemMessage,
    UserMessage,
)
from antiphon_orchestrator.session.past import BadPast, Past, read_past, write_past


def conversation(*items: Item) -> Conversation:
    made = Conversation("conv_1")
    for item in items:
        made.add(item)
    return made


def test_everything_comes_back() -> None:
    said = conversation(
        SystemMessage("a", "Be kind."),
        UserMessage("b", "What is the weather?", spoken=True),
        FunctionCall("c", "call_1", "weather", "{}", "completed"),
        FunctionCallOutput("d", "call_1", "sunny"),
        AssistantMessage("e", "It is sunny today.", spoken=True, heard_chars=9, status="completed"),
    )
    config = SessionConfig(
        instructions="Bäh.",
        audio=Audio(input=AudioInput(turn_detection=None)),
        tools=[FunctionTool(type="function", name="weather", parameters={"type": "object"})],
    )
    past = read_past(write_past(Past(config, said), {}))
    assert past.config == config
    assert past.conversation == said


@pytest.mark.parametrize(("heard", "chars"), [({"a": 6}, 6), ({}, 0)])
def test_an_answer_in_the_making_is_incomplete_and_as_long_as_it_was_heard(heard: dict[str, int], chars: int) -> None:
    speaking = conversation(AssistantMessage("a", "It is sunny today.", spoken=True))
    (item,) = read_past(write_past(Past(SessionConfig(), speaking), heard)).conversation
    assert item == AssistantMessage("a", "It is sunny today.", spoken=True, heard_chars=chars, status="incomplete")


def test_writing_changes_nothing() -> None:
    message = AssistantMessage("a", "It is sunny today.", spoken=True)
    write_past(Past(SessionConfig(), conversation(message)), {"a": 6})
    assert message == AssistantMessage("a", "It is sunny today.", spoken=True)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 2}', json.dumps({"format": 1, "conversation": "c", "items": [{"kind": "Song"}]})],
)
def test_what_another_version_wrote_is_refused(text: str) -> None:
    with pytest.raises(BadPast):
        read_past(text)
