"""Tells a client about one response: the protocol's events in the order it prescribes. Pure.

An answer that is prepared on trial is kept back and told with `release`; from then on events leave at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from antiphon_orchestrator.ports import ToolCall
from antiphon_orchestrator.session.conversation import AssistantMessage, Conversation, FunctionCall, Item, Status
from antiphon_orchestrator.session.outlet import Emit, ResponseSheet


@dataclass(slots=True)
class Usage:
    """Tokens, as the language model counted them."""

    input_tokens: int = 0
    output_tokens: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "total_tokens": self.input_tokens + self.output_tokens,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "input_token_details": {"text_tokens": self.input_tokens, "audio_tokens": 0, "cached_tokens": 0},
            "output_token_details": {"text_tokens": self.output_tokens, "audio_tokens": 0},
        }


@dataclass(slots=True)
class Ending:
    """How a response ended, as `status` and `status_details` tell it."""

    status: str = "completed"
    reason: str | None = None
    error: dict[str, Any] | None = None

    def details(self) -> dict[str, Any] | None:
        if self.status in ("completed", "in_progress"):
            return None
        return {"type": self.status, "reason": self.reason, "error": self.error}


_P = ParamSpec("_P")


_Tell = Callable[Concatenate["Narrator", _P], None]


def _once_released(tell: _Tell[_P]) -> _Tell[_P]:
    """Keeps a call back until the response counts."""

    @wraps(tell)
    def kept_back(narrator: Narrator, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        if narrator.kept_back is None:
            tell(narrator, *args, **kwargs)
        else:
            narrator.kept_back.append(lambda: tell(narrator, *args, **kwargs))

    return kept_back


@dataclass(slots=True)
class Narrator:
    """One response's story. Its items enter the conversation, if there is one, as soon as the client hears of them."""

    sheet: ResponseSheet
    emit: Emit
    conversation: Conversation | None
    output: list[Item] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    message: AssistantMessage | None = None
    began: bool = False
    ended: bool = False
    kept_back: list[Callable[[], None]] | None = field(default_factory=list)

    def release(self) -> None:
        """The response counts: what was kept back is told now."""
        kept_back, self.kept_back = self.kept_back or [], None
        for tell in kept_back:
            tell()

    @_once_released
    def begin(self) -> None:
        self.began = True
        self.emit("response.created", response=self._resource(Ending("in_progress")))

    @_once_released
    def open_message(self, item_id: str) -> None:
        self.message = AssistantMessage(item_id, spoken=self.sheet.spoken)
        self._open(self.message)
        self._tell_part("response.content_part.added", part=self._part(""))

    @_once_released
    def text(self, delta: str) -> None:
        """More of the answer's text."""
        assert self.message is not None
        self.message.text += delta
        kind = "response.output_audio_transcript.delta" if self.sheet.spoken else "response.output_text.delta"
        self._tell_part(kind, delta=delta)

    @_once_released
    def close_message(self, status: Status) -> None:
        """The answer's message is complete, or was cut short."""
        message = self.message
        if message is None or message.status != "in_progress":
            return
        message.status = status
        if self.sheet.spoken:
            self._tell_part("response.output_audio.done")
            self._tell_part("response.output_audio_transcript.done", transcript=message.text)
        else:
            self._tell_part("response.output_text.done", text=message.text)
        self._tell_part("response.content_part.done", part=self._part(message.text))
        self._close(message)

    @_once_released
    def call(self, item_id: str, call: ToolCall) -> None:
        """A function call, told as a whole."""
        item = FunctionCall(item_id, call.call_id, call.name)
        self._open(item)
        where = {"item_id": item.id, "output_index": len(self.output) - 1, "call_id": call.call_id}
        self._tell("response.function_call_arguments.delta", **where, delta=call.arguments)
        item.arguments, item.status = call.arguments, "completed"
        self._tell("response.function_call_arguments.done", **where, name=call.name, arguments=call.arguments)
        self._close(item)

    @_once_released
    def end(self, ending: Ending) -> None:
        """The response is over. Nothing is told of one that never began, and no ending twice."""
        if self.ended or not self.began:
            return
        self.ended = True
        self.close_message("completed" if ending.status == "completed" else "incomplete")
        self.emit("response.done", response=self._resource(ending))

    def _open(self, item: Item) -> None:
        self.output.append(item)
        self._tell("response.output_item.added", output_index=len(self.output) - 1, item=item.as_json())
        if self.conversation is not None:
            previous = self.conversation.add(item)
            self.emit("conversation.item.added", previous_item_id=previous, item=item.as_json())

    def _close(self, item: Item) -> None:
        self._tell("response.output_item.done", output_index=self.output.index(item), item=item.as_json())
        if self.conversation is not None and item.id in self.conversation:
            previous = self.conversation.before(item.id)
            self.emit("conversation.item.done", previous_item_id=previous, item=item.as_json())

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": "audio", "transcript": text} if self.sheet.spoken else {"type": "text", "text": text}

    def _tell_part(self, type_: str, **fields: Any) -> None:
        assert self.message is not None
        index = self.output.index(self.message)
        self._tell(type_, item_id=self.message.id, output_index=index, content_index=0, **fields)

    def _tell(self, type_: str, **fields: Any) -> None:
        self.emit(type_, response_id=self.sheet.id, **fields)

    def _resource(self, ending: Ending) -> dict[str, Any]:
        sheet = self.sheet
        return {
            "object": "realtime.response",
            "id": sheet.id,
            "status": ending.status,
            "status_details": ending.details(),
            "output": [item.as_json() for item in self.output],
            "conversation_id": sheet.conversation_id,
            "output_modalities": ["audio" if sheet.spoken else "text"],
            "max_output_tokens": sheet.max_output_tokens,
            "audio": {"output": {"format": _format(sheet.media_type), "voice": sheet.voice}},
            "usage": None if ending.status == "in_progress" else self.usage.as_json(),
            "metadata": sheet.metadata,
        }


def _format(media_type: str) -> dict[str, Any]:
    return {"type": media_type, "rate": 24_000} if media_type == "audio/pcm" else {"type": media_type}
