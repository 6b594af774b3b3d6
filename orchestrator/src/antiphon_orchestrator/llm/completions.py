"""OpenAI's chat completions as its many imitators speak them: requests out, pieces of answers in. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.ports import ChatDelta, ChatMessage, ChatRequest, ToolCall

_TOOL_CHOICES = ("auto", "none", "required")
_SHOWN_CHARACTERS = 200

Body = dict[str, Any]


def body_of(request: ChatRequest) -> Body:
    """The request as JSON, without the model's name."""
    body: Body = {
        "messages": [_message(message) for message in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    if request.tools:
        body["tools"] = [
            _function(name=tool.name, description=tool.description, parameters=dict(tool.parameters))
            for tool in request.tools
        ]
        choice = request.tool_choice
        body["tool_choice"] = choice if choice in _TOOL_CHOICES else _function(name=choice)
    return body


def _message(message: ChatMessage) -> Body:
    said: Body = {"role": message.role, "content": message.text}
    if message.tool_calls:
        said["content"] = message.text or None
        said["tool_calls"] = [
            {"id": call.call_id, **_function(name=call.name, arguments=call.arguments)} for call in message.tool_calls
        ]
    if message.role == "tool":
        said["tool_call_id"] = message.tool_call_id
    return said


def _function(**fields: object) -> Body:
    return {"type": "function", "function": fields}


def _new_call_id() -> str:
    return f"call_{uuid4().hex}"


class Answer:
    """Puts one answer together from the chunks of its stream, or from the one object of a server that streams not.

    What a model thinks to itself (`reasoning` and the like) is not told.
    """

    def __init__(self, subject: str, new_call_id: Callable[[], str] = _new_call_id) -> None:
        self.finish_reason = ""
        self._subject = subject
        self._input_tokens = 0
        self._output_tokens = 0
        self._calls = _Calls(new_call_id)

    def take(self, data: str) -> list[ChatDelta]:
        """The deltas of one chunk. Raises LlmFailed if it is an error, or no chunk at all."""
        try:
            return list(self._deltas(json.loads(data)))
        except (ValueError, TypeError, AttributeError) as error:
            raise LlmFailed(
                Kind.BROKE_OFF,
                f"{self._subject} sent something that is no piece of an answer: {data[:_SHOWN_CHARACTERS]}",
                subject=self._subject,
            ) from error

    def end(self) -> ChatDelta:
        """The last delta."""
        return ChatDelta(
            finish_reason=self.finish_reason or "stop",
            input_tokens=self._input_tokens,
            output_tokens=self._output_tokens,
        )

    def _deltas(self, chunk: Body) -> Iterator[ChatDelta]:
        if error := chunk.get("error"):
            raise LlmFailed(
                Kind.FAILED, f"{self._subject} failed while answering: {reason_of(error)}", subject=self._subject
            )
        if usage := chunk.get("usage"):
            self._input_tokens = int(usage.get("prompt_tokens") or 0)
            self._output_tokens = int(usage.get("completion_tokens") or 0)
        for choice in chunk.get("choices") or ():
            said = choice.get("delta") or choice.get("message") or {}
            if text := _text(said.get("content")) or _text(said.get("refusal")):
                yield ChatDelta(text)
            for call in said.get("tool_calls") or ():
                yield self._calls.take(call)
            self.finish_reason = str(choice.get("finish_reason") or self.finish_reason)


class _Calls:
    """Tells calls apart: some servers send them in pieces and some whole, some without index, some without id."""

    def __init__(self, new_call_id: Callable[[], str]) -> None:
        self._new_call_id = new_call_id
        self._count = 0
        self._open: dict[Any, tuple[int, str]] = {}
        """By the server's index: ours, and the server's id."""

    def take(self, piece: Mapping[str, Any]) -> ChatDelta:
        function = piece.get("function") or {}
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        index, call_id, name = piece.get("index"), str(piece.get("id") or ""), str(function.get("name") or "")
        if not self._is_new(index, call_id, name):
            return ChatDelta(tool_index=self._open[index][0], tool_call=ToolCall("", "", arguments))
        self._open[index] = (self._count, call_id)
        self._count += 1
        return ChatDelta(
            tool_index=self._count - 1, tool_call=ToolCall(call_id or self._new_call_id(), name, arguments)
        )

    def _is_new(self, index: object, call_id: str, name: str) -> bool:
        if index not in self._open:
            return True
        if index is None:
            return bool(call_id or name)
        return bool(call_id) and call_id != self._open[index][1]


def reason_of(error: object) -> str:
    """What a server says went wrong, in one short line."""
    while isinstance(error, Mapping):
        error = error.get("message") or error.get("error") or error.get("detail") or json.dumps(dict(error))
    return " ".join(str(error).split())[:_SHOWN_CHARACTERS]


def _text(content: object) -> str:
    """Text as such, or as a list of typed parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
