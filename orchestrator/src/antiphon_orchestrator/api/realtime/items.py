"""Conversation items as clients send them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from antiphon_orchestrator.session import conversation as domain
from antiphon_orchestrator.session.config import Strict
from antiphon_orchestrator.session.ids import new_id


class _Item(Strict):
    id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    object: Literal["realtime.item"] | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None


class SystemText(Strict):
    """A part of a system message."""

    type: Literal["input_text"] = "input_text"
    text: str


class UserText(Strict):
    """What the user typed."""

    type: Literal["input_text"]
    text: str


class UserAudio(Strict):
    """What the user said, as base64 in the session's input format."""

    type: Literal["input_audio"]
    audio: str | None = None
    transcript: str | None = None


class AssistantText(Strict):
    """What the assistant wrote."""

    type: Literal["output_text", "text"]
    text: str


class AssistantAudio(Strict):
    """What the assistant said; only its transcript is kept."""

    type: Literal["output_audio", "audio"]
    transcript: str
    audio: str | None = None


class SystemMessage(_Item):
    """An instruction in the course of the conversation."""

    type: Literal["message"]
    role: Literal["system"]
    content: list[SystemText]


class UserMessage(_Item):
    """Something the user said or typed."""

    type: Literal["message"]
    role: Literal["user"]
    content: Annotated[list[Annotated[UserText | UserAudio, Field(discriminator="type")]], Field(min_length=1)]


class AssistantMessage(_Item):
    """Something the assistant is to have said."""

    type: Literal["message"]
    role: Literal["assistant"]
    content: list[Annotated[AssistantText | AssistantAudio, Field(discriminator="type")]]


class FunctionCall(_Item):
    """A call the assistant made."""

    type: Literal["function_call"]
    name: str
    arguments: str
    call_id: str | None = None


class FunctionCallOutput(_Item):
    """What a call gave."""

    type: Literal["function_call_output"]
    call_id: str
    output: str


Message = Annotated[SystemMessage | UserMessage | AssistantMessage, Field(discriminator="role")]
ClientItem = Annotated[Message | FunctionCall | FunctionCallOutput, Field(discriminator="type")]


def to_domain(item: SystemMessage | UserMessage | AssistantMessage | FunctionCall | FunctionCallOutput) -> domain.Item:
    """The item as the conversation keeps it. Speech without a transcript has no text yet."""
    item_id = item.id or new_id("item")
    if isinstance(item, FunctionCall):
        return domain.FunctionCall(item_id, item.call_id or new_id("call"), item.name, item.arguments, "completed")
    if isinstance(item, FunctionCallOutput):
        return domain.FunctionCallOutput(item_id, item.call_id, item.output)
    if isinstance(item, SystemMessage):
        return domain.SystemMessage(item_id, "\n".join(part.text for part in item.content))
    if isinstance(item, AssistantMessage):
        texts = [part.text if isinstance(part, AssistantText) else part.transcript for part in item.content]
        spoken = any(isinstance(part, AssistantAudio) for part in item.content)
        return domain.AssistantMessage(item_id, " ".join(texts), spoken=spoken, status="completed")
    texts = [part.text if isinstance(part, UserText) else part.transcript or "" for part in item.content]
    spoken = all(isinstance(part, UserAudio) for part in item.content)
    return domain.UserMessage(item_id, " ".join(text for text in texts if text), spoken=spoken)


def untranscribed_audio(item: object) -> list[str]:
    """The base64 audio of a user's message that came without a transcript, part by part."""
    if not isinstance(item, UserMessage):
        return []
    return [part.audio for part in item.content if isinstance(part, UserAudio) and part.audio and not part.transcript]
