"""A conversation as text and back: what is kept of it so that it can be resumed. Texts only, no audio. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.session.conversation import (
    AssistantMessage,
    Conversation,
    FunctionCall,
    FunctionCallOutput,
    Item,
    SystemMessage,
    UserMessage,
)

_FORMAT = 1
_KINDS: Mapping[str, type[Item]] = {
    kind.__name__: kind for kind in (UserMessage, SystemMessage, AssistantMessage, FunctionCall, FunctionCallOutput)
}


class BadPast(ValueError):
    """The text is not one that this version can read."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a session goes on with."""

    config: SessionConfig
    conversation: Conversation


def write_past(past: Past, heard: Mapping[str, int]) -> str:
    """`heard`: of answers that are being spoken, how many characters."""
    return json.dumps(
        {
            "format": _FORMAT,
            "conversation": past.conversation.id,
            "config": past.config.model_dump(mode="json"),
            "items": [_written(item, heard) for item in past.conversation],
        }
    )


def read_past(text: str) -> Past:
    """Raises BadPast."""
    try:
        given = json.loads(text)
        if given["format"] != _FORMAT:
            raise BadPast(f"format {given['format']} is not {_FORMAT}")
        conversation = Conversation(given["conversation"])
        for item in given["items"]:
            conversation.add(_read(dict(item)))
        return Past(SessionConfig.model_validate(given["config"]), conversation)
    except (KeyError, TypeError, ValueError) as error:
        raise BadPast(str(error)) from error


def _written(item: Item, heard: Mapping[str, int]) -> dict[str, Any]:
    if isinstance(item, AssistantMessage) and item.spoken and item.status == "in_progress":
        item = replace(item, heard_chars=heard.get(item.id, 0) if item.heard_chars is None else item.heard_chars)
    return {"kind": type(item).__name__, **asdict(item)}


def _read(given: dict[str, Any]) -> Item:
    """What was in the making when it was kept will never be finished."""
    item = _KINDS[given.pop("kind")](**given)
    if item.status == "in_progress":
        item.status = "incomplete"
    return item
