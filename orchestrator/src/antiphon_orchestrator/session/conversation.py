"""The items of a conversation, in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["in_progress", "completed", "incomplete"]


@dataclass(slots=True)
class UserMessage:
    """What the user typed or said. `text` of speech is its transcript; it is "" until recognised."""

    id: str
    text: str
    spoken: bool = False
    status: Status = "completed"

    @property
    def characters(self) -> int:
        return len(self.text)

    def as_json(self) -> dict[str, Any]:
        part = (
            {"type": "input_audio", "transcript": self.text or None}
            if self.spoken
            else {"type": "input_text", "text": self.text}
        )
        return _message(self.id, "user", self.status, [part])


@dataclass(slots=True)
class SystemMessage:
    """An instruction in the course of the conversation."""

    id: str
    text: str
    status: Status = "completed"

    @property
    def characters(self) -> int:
        return len(self.text)

    def as_json(self) -> dict[str, Any]:
        return _message(self.id, "system", self.status, [{"type": "input_text", "text": self.text}])


@dataclass(slots=True)
class AssistantMessage:
    """An answer. `heard_chars`: how much of `text` was heard, None if all of it."""

    id: str
    text: str = ""
    spoken: bool = False
    heard_chars: int | None = None
    status: Status = "in_progress"

    @property
    def heard(self) -> str:
        return self.text if self.heard_chars is None else self.text[: self.heard_chars]

    @property
    def characters(self) -> int:
        return len(self.text)

    def as_json(self) -> dict[str, Any]:
        part = (
            {"type": "output_audio", "transcript": self.heard}
            if self.spoken
            else {"type": "output_text", "text": self.heard}
        )
        return _message(self.id, "assistant", self.status, [part] if self.text or self.status != "in_progress" else [])


@dataclass(slots=True)
class FunctionCall:
    """A function the assistant wants the client to run."""

    id: str
    call_id: str
    name: str
    arguments: str = ""
    status: Status = "in_progress"

    @property
    def characters(self) -> int:
        return len(self.name + self.arguments)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "realtime.item",
            "type": "function_call",
            "status": self.status,
            "name": self.name,
            "call_id": self.call_id,
            "arguments": self.arguments,
        }


@dataclass(slots=True)
class FunctionCallOutput:
    """What such a call gave."""

    id: str
    call_id: str
    output: str
    status: Status = "completed"

    @property
    def characters(self) -> int:
        return len(self.output)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "realtime.item",
            "type": "function_call_output",
            "status": self.status,
            "call_id": self.call_id,
            "output": self.output,
        }


Item = UserMessage | SystemMessage | AssistantMessage | FunctionCall | FunctionCallOutput


@dataclass(slots=True)
class Conversation:
    """The items in their order. Names that are not there raise KeyError."""

    id: str
    _items: list[Item] = field(default_factory=list)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __contains__(self, item_id: str) -> bool:
        return any(item.id == item_id for item in self._items)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def awaits_output(self) -> bool:
        """Whether the client runs a function, or is about to ask for an answer to what that gave."""
        return bool(self._items) and isinstance(self._items[-1], FunctionCall | FunctionCallOutput)

    def get(self, item_id: str) -> Item:
        return self._items[self._place(item_id)]

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Puts an item behind another one ("root": first; None: last). Returns the id of the one before it."""
        place = 0 if after == "root" else len(self._items) if after is None else self._place(after) + 1
        self._items.insert(place, item)
        return self._items[place - 1].id if place else None

    def remove(self, item_id: str) -> Item:
        return self._items.pop(self._place(item_id))

    def before(self, item_id: str) -> str | None:
        """The id of the item before this one."""
        place = self._place(item_id)
        return self._items[place - 1].id if place else None

    def _place(self, item_id: str) -> int:
        for place, item in enumerate(self._items):
            if item.id == item_id:
                return place
        raise KeyError(item_id)


def _message(item_id: str, role: str, status: Status, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": item_id,
        "object": "realtime.item",
        "type": "message",
        "status": status,
        "role": role,
        "content": content,
    }
