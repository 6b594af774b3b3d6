from __future__ import annotations

from itertools import pairwise

import pytest
from antiphon_orchestrator.history import (
    BROKEN_OFF,
    chat_messages,
    estimated_tokens,
    fitted,
    heard_text,
    messages_of,
    tool_tokens,
    turns_to_drop,
)
from antiphon_orchestrator.ports import ChatMessage, ToolCall, ToolSpec
from antiphon_orchestrator.session.conversation import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    Item,
    SystemMessage,
    UserMessage,
)
from hypothesis import given
from hypothesis import strategies as st

PLENTY = 10_000


def user(text: str) -> UserMessage:
    return UserMessage("", text)


def said(text: str, heard_chars: int | None = None) -> AssistantMessage:
    return AssistantMessage("", text, heard_chars=heard_chars)


def call(call_id: str, name: str = "weather") -> FunctionCall:
    return FunctionCall("", call_id, name, "{}")


def output(call_id: str, text: str = "sunny") -> FunctionCallOutput:
    return FunctionCallOutput("", call_id, text)


def told(*items: Item, instructions: str = "", budget_tokens: int = PLENTY) -> list[ChatMessage]:
    return chat_messages(items, instructions=instructions, budget_tokens=budget_tokens)


def test_instructions_come_first_and_items_in_their_order() -> None:
    messages = told(user("Hi."), said("Hello!"), SystemMessage("", "Be brief."), user("Why?"), instructions="Be kind.")
    assert [(message.role, message.text) for message in messages] == [
        ("system", "Be kind."),
        ("user", "Hi."),
        ("assistant", "Hello!"),
        ("system", "Be brief."),
        ("user", "Why?"),
    ]


def test_without_instructions_there_is_no_system_prompt() -> None:
    assert told(user("Hi.")) == [ChatMessage("user", "Hi.")]


def test_speech_that_was_not_recognised_is_not_told() -> None:
    assert told(user("Hi."), said("Hello!"), user(" ")) == [
        ChatMessage("user", "Hi."),
        ChatMessage("assistant", "Hello!"),
    ]


def test_what_is_said_twice_in_a_row_is_one_message() -> None:
    unheard = said("Well, I think", heard_chars=0)
    assert told(user("Wait."), unheard, user("What about Rome?")) == [ChatMessage("user", "Wait.\nWhat about Rome?")]


# -------------------------------------------------------------- what was heard


@pytest.mark.parametrize(
    ("text", "heard_chars", "told_text"),
    [
        ("It is in Rome.", None, "It is in Rome."),
        ("It is in Rome.", 14, "It is in Rome."),
        ("It is in Rome.", 99, "It is in Rome."),
        ("It is in Rome.", 0, ""),
        ("It is in Rome.", 1, ""),
        ("It is in Rome.", 3, "It" + BROKEN_OFF),
        ("It is in Rome.", 8, "It is in" + BROKEN_OFF),
        ("It is in Rome.", 11, "It is in" + BROKEN_OFF),
        ("It is in Rome.", 13, "It is in Rome" + BROKEN_OFF),
        ("Rome. It is big.", 5, "Rome."),
        ("Rome. It is big.", 6, "Rome."),
        ('"Rome." It is big.', 7, '"Rome."'),
        ("I don't know.", 5, "I" + BROKEN_OFF),
        ("I say 'no' to it.", 9, "I say 'no" + BROKEN_OFF),
        ("罗马是意大利的首都。", 4, "罗马是意" + BROKEN_OFF),
        ("罗马。是的。", 3, "罗马。"),
    ],
)
def test_an_answer_is_told_as_far_as_it_was_heard(text: str, heard_chars: int | None, told_text: str) -> None:
    assert heard_text(said(text, heard_chars)) == told_text


@given(st.text(max_size=60), st.integers(0, 60))
def test_nothing_is_told_that_was_not_heard(text: str, heard_chars: int) -> None:
    told_text = heard_text(said(text, heard_chars))
    assert text[:heard_chars].startswith(told_text.removesuffix(BROKEN_OFF))


@given(st.lists(st.sampled_from(["one", "two", "don't", "x-ray", "four."]), max_size=8), st.integers(0, 60))
def test_only_whole_words_are_told(words: list[str], heard_chars: int) -> None:
    told_text = heard_text(said(" ".join(words), heard_chars)).removesuffix(BROKEN_OFF)
    *whole, last = told_text.split() or [""]
    assert whole == words[: len(whole)]
    assert last in ("", words[len(whole)], words[len(whole)].removesuffix(".")) if words else last == ""


# ------------------------------------------------------------- calls and outputs


def test_a_call_and_its_output_are_told_together() -> None:
    assert told(user("Rain?"), call("c1"), output("c1"), said("No."))[1:] == [
        ChatMessage("assistant", tool_calls=(ToolCall("c1", "weather", "{}"),)),
        ChatMessage("tool", "sunny", tool_call_id="c1"),
        ChatMessage("assistant", "No."),
    ]


def test_calls_made_in_one_breath_share_a_message_with_what_was_said_before() -> None:
    messages = told(user("Rain?"), said("Let me see."), call("c1"), call("c2"), output("c2", "wet"), output("c1"))
    assert messages[1:] == [
        ChatMessage("assistant", "Let me see.", (ToolCall("c1", "weather", "{}"), ToolCall("c2", "weather", "{}"))),
        ChatMessage("tool", "sunny", tool_call_id="c1"),
        ChatMessage("tool", "wet", tool_call_id="c2"),
    ]


def test_a_call_made_after_an_output_is_a_message_of_its_own() -> None:
    messages = told(user("Rain?"), call("c1"), output("c1"), call("c2"), output("c2"))
    assert [message.role for message in messages] == ["user", "assistant", "tool", "assistant", "tool"]


def test_an_output_stands_behind_its_call_even_if_the_user_spoke_in_between() -> None:
    messages = told(user("Rain?"), call("c1"), user("Hurry up."), output("c1"))
    assert [message.role for message in messages] == ["user", "assistant", "tool", "user"]


def test_a_call_without_output_and_an_output_without_call_are_left_out() -> None:
    assert told(output("c9"), user("Rain?"), call("c1")) == [ChatMessage("user", "Rain?")]


def test_one_output_answers_one_call() -> None:
    messages = told(user("Rain?"), call("c1"), call("c1"), output("c1"), output("c1", "wet"))
    assert [message.role for message in messages] == ["user", "assistant", "tool"]
    assert messages[-1].text == "sunny"


def test_a_conversation_may_begin_with_the_assistant_and_its_calls() -> None:
    messages = told(call("c1"), output("c1"), said("Hello!"), user("Hi."))
    assert [message.role for message in messages] == ["assistant", "tool", "assistant", "user"]


# --------------------------------------------------------------------- the window


def test_the_oldest_whole_turns_are_dropped() -> None:
    items: list[Item] = [item for number in range(10) for item in (user(f"Question {number}?"), said("x" * 400))]
    messages = told(*items, instructions="Be kind.", budget_tokens=600)
    assert messages[0] == ChatMessage("system", "Be kind.")
    assert messages[1].role == "user"
    assert messages[1:] == told(*items)[-len(messages) + 1 :]
    assert len(messages) < len(items)


def test_the_instructions_and_the_newest_turn_stay_whatever_they_cost() -> None:
    newest: list[Item] = [user("Rain?"), call("c1"), output("c1", "y" * 4000), said("No.")]
    messages = told(user("Hi."), said("Hello!"), *newest, instructions="z" * 4000, budget_tokens=10)
    assert [message.role for message in messages] == ["system", "user", "assistant", "tool", "assistant"]


def test_tools_leave_less_room_for_turns() -> None:
    items: list[Item] = [user("old " * 50), said("Hello!"), user("Why?"), said("So."), user("And now?")]
    long = ToolSpec("weather", "Tells the weather. " * 20, {"type": "object", "properties": {}})
    everything = messages_of(items)
    assert chat_messages(items, instructions="", budget_tokens=150) == everything
    assert chat_messages(items, instructions="", budget_tokens=150, tools=[long]) == everything[2:]
    assert chat_messages(items, instructions="", budget_tokens=10, tools=[long] * 9) == everything[4:]


def test_a_tool_costs_what_its_json_costs() -> None:
    tool = ToolSpec("clock", "时间", {"type": "object"})
    told_json = '{"name": "clock", "description": "时间", "parameters": {"type": "object"}}'
    assert 0 < tool_tokens(tool) - estimated_tokens(told_json) < 10
    assert tool_tokens(ToolSpec("clock", "时间", {"enum": list(range(100))})) > 100


def test_an_empty_conversation_is_no_message() -> None:
    assert told(budget_tokens=0) == []


def test_a_providers_own_tokenizer_may_count() -> None:
    items: list[Item] = [user("one two three"), said("four"), user("five")]
    assert fitted(messages_of(items), 100, lambda text: 100 * len(text.split())) == [ChatMessage("user", "five")]


def test_what_a_client_puts_before_all_turns_stays_like_the_instructions() -> None:
    messages = told(SystemMessage("", "The user is Ada."), user("x" * 4000), said("y"), user("Hi."), budget_tokens=50)
    assert messages == [ChatMessage("system", "The user is Ada."), ChatMessage("user", "Hi.")]


def test_english_costs_a_token_for_four_characters_and_chinese_one_each() -> None:
    assert estimated_tokens("") == 0
    assert estimated_tokens("Hello, world") == 3
    assert estimated_tokens("a") == 1
    assert estimated_tokens("罗马是意大利的首都") == 9


Costs = st.lists(st.integers(1, 100), max_size=30)


@given(Costs, st.integers(-50, 500))
def test_the_rest_fits_unless_it_is_the_newest_turn_alone(costs: list[int], budget: int) -> None:
    dropped = turns_to_drop(costs, budget)
    assert dropped == 0 or dropped < len(costs)
    assert sum(costs[dropped:]) <= budget or len(costs) - dropped <= 1


@given(Costs, st.integers(1, 500))
def test_what_fits_is_kept(costs: list[int], budget: int) -> None:
    assert (turns_to_drop(costs, budget) == 0) == (sum(costs) <= budget or len(costs) <= 1)


@given(Costs, st.integers(1, 100), st.integers(-50, 500))
def test_a_turn_once_dropped_never_comes_back(costs: list[int], new: int, budget: int) -> None:
    assert turns_to_drop(costs, budget) <= turns_to_drop([*costs, new], budget)


def test_turns_are_dropped_several_at_a_time() -> None:
    drops = [turns_to_drop([10] * count, 200) for count in range(1, 101)]
    assert len(set(drops)) <= 1 + (100 * 10 - 200) // (200 // 4)
    assert all(20 - 5 - 1 <= count - dropped <= 20 for count, dropped in enumerate(drops[20:], 21))


ITEMS = st.lists(
    st.one_of(
        st.builds(user, st.sampled_from(["", "Hi.", "And then?"])),
        st.builds(said, st.sampled_from(["", "Yes.", "No, I do not think so."]), st.sampled_from([None, 0, 2, 9])),
        st.builds(call, st.sampled_from("abc")),
        st.builds(output, st.sampled_from("abc")),
        st.builds(lambda: SystemMessage("", "Be brief.")),
    ),
    max_size=20,
)


@given(ITEMS, st.integers(0, 200))
def test_what_is_sent_is_always_well_formed(items: list[Item], budget_tokens: int) -> None:
    messages = told(*items, instructions="Be kind.", budget_tokens=budget_tokens)
    assert messages[0] == ChatMessage("system", "Be kind.")
    awaited: list[str] = []
    for message in messages:
        assert message.text or message.tool_calls
        if message.role == "tool":
            assert message.tool_call_id == awaited.pop(0)
        else:
            assert not awaited
            awaited = [call.call_id for call in message.tool_calls]
    assert not awaited


@given(ITEMS)
def test_the_user_never_speaks_twice_in_a_row(items: list[Item]) -> None:
    roles = [message.role for message in messages_of(items)]
    assert ("user", "user") not in pairwise(roles)


@given(ITEMS, st.integers(0, 200))
def test_what_stays_is_the_end_of_all_there_is(items: list[Item], budget_tokens: int) -> None:
    everything, rest = messages_of(items), fitted(messages_of(items), budget_tokens)
    head = 0
    while head < len(rest) and rest[head].role == "system" and rest[head] == everything[head]:
        head += 1
    tail = rest[head:]
    assert tail == everything[len(everything) - len(tail) :]
    assert not tail or len(tail) == len(everything) - head or tail[0].role == "user"
