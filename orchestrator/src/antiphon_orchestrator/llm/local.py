"""Answers with a small language model on this machine's CPU: for a first run without network and key.

The model is SmolLM2-135M. So small a model is not asked to do, but shown how: a few examples stand before every
conversation, formatting is made impossible, and a leash ends what does not end by itself. It cannot use tools, and is
not told of any. Larger models are better served by a server of their own, through `llm.openai`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Self

from antiphon_core.errors import CannotLoad

from antiphon_orchestrator.history import BROKEN_OFF, fitted
from antiphon_orchestrator.llm.completions import body_of
from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.llm.leash import Leash
from antiphon_orchestrator.llm.llama_server import LlamaServer
from antiphon_orchestrator.llm.openai import OpenAiLlm
from antiphon_orchestrator.llm.slots import Slots
from antiphon_orchestrator.llm.unix_transport import UnixTransport
from antiphon_orchestrator.ports import ChatDelta, ChatMessage, ChatRequest

_EXAMPLES = (
    ("Hello!", "Hello! What would you like to talk about?"),
    ("What is the largest ocean?", "The Pacific Ocean is the largest ocean on Earth."),
    ("I had a bad day.", "Oh no! What happened?"),
    (
        "How do I boil an egg?",
        "Put it into boiling water for about eight minutes, then cool it under cold water.",
    ),
    (
        "Tell me something about cats.",
        "Cats are small animals that many people keep at home. They sleep for most of the day.",
    ),
    ("What is your name?", "My name is Antiphon."),
    ("Goodbye.", "Goodbye! It was nice to talk with you."),
)
_CONTEXT_TOKENS = 1024
_ANSWER_TOKENS = 100
_STALL_S = 60.0
"""A busy machine may read a new conversation that slowly; whoever asks has limits of their own."""

_TEMPERATURE = 0.1
"""Anything warmer, and any penalty on repetition, makes so small a model change its language or subject."""
_NOT_SPOKEN = ("\n", "\n\n", "\n\n\n", "\t", "*", "**", " *", " **", "#", "##", "###", "`", "```")
_HISTORY_TOKENS = 160
"""Of more turns than the last few, so small a model only learns to say the same again."""


class LocalLlm:
    """Slow to build: loads the model, in a process beside this one; use as an async context manager, or close it.

    `folder` holds one GGUF file. `slots` conversations are remembered as far as they were read; of one that grows long
    the model is shown the newest turns. With the `instructions` that most conversations have, none waits for them.
    """

    def __init__(self, folder: Path, *, threads: int = 2, slots: int = 4, instructions: str = "") -> None:
        first = told([ChatMessage("system", instructions), ChatMessage("user", "")]) if instructions else []
        self.server = LlamaServer(
            _model_in(folder),
            threads=threads,
            slots=slots,
            context_tokens=_CONTEXT_TOKENS,
            first_messages=body_of(ChatRequest(first))["messages"],
        )
        try:
            self.server.start()
        except CannotLoad:
            self.server.close()
            raise
        self._slots = Slots(slots)
        self._starting = asyncio.Lock()
        self._closed = False
        # The server now and then drops a connection that is used a second time; a new one costs next to nothing here.
        self._llm = OpenAiLlm(
            "http://local-mind/v1",
            model="",
            stall_s=_STALL_S,
            headers={"Connection": "close"},
            transport=UnixTransport(self.server.socket),
        )

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        await self._require_running()
        leash, words = Leash(), 0
        async with aclosing(self._ask(request, request.max_tokens or _ANSWER_TOKENS)) as deltas:
            async for delta in deltas:
                yield delta
                words += bool(delta.text)
                if delta.text and leash.is_enough(delta.text):
                    break
            else:
                return
        yield ChatDelta(finish_reason="stop", output_tokens=words)

    async def prepare(self, request: ChatRequest) -> None:
        """Reads the conversation so far: the answer to come then only has to read what is said last."""
        if request.messages and request.messages[-1].role != "user":
            request = replace(request, messages=(*request.messages, ChatMessage("user", "")))
        with suppress(LlmFailed):
            await self._require_running()
            async with aclosing(self._ask(request, max_tokens=1)) as deltas:
                async for _ in deltas:
                    pass

    async def aclose(self) -> None:
        self._closed = True
        await self._llm.aclose()
        await asyncio.to_thread(self.server.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _ask(self, request: ChatRequest, max_tokens: int) -> AsyncGenerator[ChatDelta, None]:
        request = replace(
            request,
            messages=told(request.messages),
            tools=(),
            model="",
            temperature=_TEMPERATURE if request.temperature is None else request.temperature,
            max_tokens=min(max_tokens, _ANSWER_TOKENS),
        )
        return self._llm.ask(
            request,
            id_slot=self._slots.of(request.conversation),
            logit_bias=[[text, False] for text in _NOT_SPOKEN],
        )

    async def _require_running(self) -> None:
        """A process that died is started again by whoever needs it next."""
        async with self._starting:
            if self._closed:
                raise LlmFailed(Kind.UNREACHABLE, "the local language model was closed")
            if self.server.is_running:
                return
            try:
                await asyncio.to_thread(self.server.start)
            except CannotLoad as error:
                raise LlmFailed(Kind.FAILED, error.message, subject=error.subject) from error


def told(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """What the model is told of a conversation: the instructions, examples of good answers, and the newest turns."""
    head = list(takewhile(lambda message: message.role == "system", messages))
    return [*head, *_EXAMPLE_MESSAGES, *map(_without_dash, fitted(messages[len(head) :], _HISTORY_TOKENS))]


def _without_dash(message: ChatMessage) -> ChatMessage:
    """So small a model takes the dash of an answer that was cut short for a way to end answers."""
    return replace(message, text=message.text.removesuffix(BROKEN_OFF)) if message.role == "assistant" else message


_EXAMPLE_MESSAGES = [
    message
    for question, answer in _EXAMPLES
    for message in (ChatMessage("user", question), ChatMessage("assistant", answer))
]


def _model_in(folder: Path) -> Path:
    models = sorted(folder.glob("*.gguf"))
    if len(models) != 1:
        raise CannotLoad(
            f"{folder} holds {len(models)} GGUF files; the local language model needs exactly one", subject=str(folder)
        )
    return models[0]
