"""What a language model is told of a conversation: its items as chat messages that fit a context window. Pure.

- An answer is told as far as it was heard: up to a whole word, and ending in a dash where that broke off a sentence, so
  that the model knows that more was meant to come. After a whole sentence there is no dash: what was heard makes sense
  as it is. An answer of which nothing was heard was never given.
- A call of a function is told together with what it gave, right behind it, as endpoints demand. A call without an
  output and an output without a call are left out.
- What does not fit is dropped from the front in whole turns, a quarter of the budget at a time: each drop makes the
  model read all of the rest anew, so it should be seldom. The instructions and the newest turn always stay.
- Functions the model may call are shown with every question, so they take from the same budget.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile

from antiphon_orchestrator.ports import ChatMessage, ToolCall, ToolSpec
from antiphon_orchestrator.session.conversation import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    Item,
    SystemMessage,
    UserMessage,
)

BROKEN_OFF = "—"
_SENTENCE_ENDS = ".!?…。！？｡؟।"
_CLOSERS = "\"'»”’)]」』"
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
"""Scripts without spaces have no word boundary to go back to: there a cut stays where it is."""

_MESSAGE_TOKENS = 7
"""The marks around a message: role, start, end."""
_CHARACTERS_A_TOKEN = 4

CountTokens = Callable[[str], int]
Turn = list[ChatMessage]


def chat_messages(
    items: Iterable[Item], *, instructions: str, budget_tokens: int, tools: Iterable[ToolSpec] = ()
) -> list[ChatMessage]:
    """The instructions and as many of the newest turns as `budget_tokens` allows beside the tools."""
    head = [ChatMessage("system", instructions)] if instructions else []
    return fitted([*head, *messages_of(items)], budget_tokens - sum(map(tool_tokens, tools)))


def fitted(
    messages: Iterable[ChatMessage], budget_tokens: int, count_tokens: CountTokens | None = None
) -> list[ChatMessage]:
    """The messages without as many of the oldest turns as do not fit; system messages before all turns stay."""
    count = count_tokens or estimated_tokens
    messages = list(messages)
    head = list(takewhile(lambda message: message.role == "system", messages))
    turns = _turns(messages[len(head) :])
    costs = [_tokens(turn, count) for turn in turns]
    dropped = turns_to_drop(costs, budget_tokens - _tokens(head, count))
    return head + [message for turn in turns[dropped:] for message in turn]


def estimated_tokens(text: str) -> int:
    """Errs on the high side for English, and for scripts of which a tokenizer knows few words."""
    ascii_characters = len(text.encode("ascii", "ignore"))
    return math.ceil(ascii_characters / _CHARACTERS_A_TOKEN) + len(text) - ascii_characters


def tool_tokens(tool: ToolSpec) -> int:
    """Estimated, of the JSON that describes the tool."""
    described = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return _MESSAGE_TOKENS + estimated_tokens(json.dumps(described, ensure_ascii=False))


def turns_to_drop(costs: Sequence[int], budget: int) -> int:
    """How many of the oldest turns have to go, so that the rest costs at most `budget` if more than one is left.

    The answer only grows while turns are added, and by several turns at a time.
    """
    surplus = sum(costs) - budget
    if surplus <= 0:
        return 0
    step = max(1, budget // 4)
    to_save = math.ceil(surplus / step) * step
    saved = 0
    for place, cost in enumerate(costs[:-1]):
        if saved >= to_save:
            return place
        saved += cost
    return max(0, len(costs) - 1)


def messages_of(items: Iterable[Item]) -> list[ChatMessage]:
    """All that is to be told."""
    items = list(items)
    outputs = {item.call_id: item for item in reversed(items) if isinstance(item, FunctionCallOutput)}
    teller = _Teller(outputs)
    for item in items:
        teller.tell(item)
    return teller.messages


def heard_text(message: AssistantMessage) -> str:
    """What was heard of an answer: whole words, with a dash where a sentence broke off."""
    heard = message.heard
    if len(heard) == len(message.text):
        return message.text
    if heard and _is_inside_word(message.text, len(heard)):
        heard = _without_last_word(heard)
    heard = heard.rstrip()
    if not heard or heard.rstrip(_CLOSERS).endswith(tuple(_SENTENCE_ENDS)):
        return heard
    return heard + BROKEN_OFF


class _Teller:
    """Tells items one after the other."""

    def __init__(self, outputs: dict[str, FunctionCallOutput]) -> None:
        self.messages: list[ChatMessage] = []
        self._outputs = outputs
        self._calls_at: int | None = None
        """Where the calls stand that are made in one breath."""

    def tell(self, item: Item) -> None:
        if isinstance(item, FunctionCall):
            self._tell_call(item)
        elif isinstance(item, FunctionCallOutput):
            self._calls_at = None
        else:
            self._tell_text(item)

    def _tell_text(self, item: UserMessage | SystemMessage | AssistantMessage) -> None:
        text = heard_text(item) if isinstance(item, AssistantMessage) else item.text
        if not text.strip():
            return
        self._calls_at = None
        if isinstance(item, UserMessage):
            self._tell_user(text)
        else:
            self.messages.append(ChatMessage("system" if isinstance(item, SystemMessage) else "assistant", text))

    def _tell_user(self, text: str) -> None:
        """What is said twice in a row is one turn: many models know only question, answer, question."""
        if self._ends_with("user"):
            self.messages[-1] = ChatMessage("user", f"{self.messages[-1].text}\n{text}")
        else:
            self.messages.append(ChatMessage("user", text))

    def _tell_call(self, item: FunctionCall) -> None:
        output = self._outputs.pop(item.call_id, None)
        if output is None:
            return
        if self._calls_at is None:
            # What was said before a call belongs into one message with it.
            if not self._ends_with("assistant"):
                self.messages.append(ChatMessage("assistant"))
            self._calls_at = len(self.messages) - 1
        spoken = self.messages[self._calls_at]
        call = ToolCall(item.call_id, item.name, item.arguments)
        self.messages[self._calls_at] = ChatMessage("assistant", spoken.text, (*spoken.tool_calls, call))
        self.messages.append(ChatMessage("tool", output.output, tool_call_id=item.call_id))

    def _ends_with(self, role: str) -> bool:
        return bool(self.messages) and self.messages[-1].role == role


def _turns(messages: Iterable[ChatMessage]) -> list[Turn]:
    """A turn begins with what the user said."""
    turns: list[Turn] = []
    for message in messages:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _is_inside_word(text: str, at: int) -> bool:
    if text[at - 1].isspace() or _UNSPACED.match(text[at - 1]):
        return False
    return text[at].isalnum() or (text[at] in "'’-" and text[at + 1 : at + 2].isalnum())


def _without_last_word(heard: str) -> str:
    return re.sub(r"\S+$", "", heard)


def _tokens(messages: Iterable[ChatMessage], count: CountTokens) -> int:
    return sum(_MESSAGE_TOKENS + sum(map(count, _texts(message))) for message in messages)


def _texts(message: ChatMessage) -> Iterator[str]:
    yield message.text
    for call in message.tool_calls:
        yield call.name
        yield call.arguments
