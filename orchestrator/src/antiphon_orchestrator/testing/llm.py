"""A scripted language model: it says what it is told to say, when, and fails when it is told to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from enum import Enum, auto

from antiphon_orchestrator.ports import ChatDelta, ChatRequest, ToolCall


class Silence(Enum):
    """An answer that never goes on."""

    HANG = auto()


Step = str | float | ToolCall | ChatDelta | Exception | Silence
"""Text, a pause in seconds, a whole call, any delta, a failure, or silence for ever."""

_HELLO: Sequence[Step] = ("Hello ", "there.")


class ScriptedLlm:
    """Gives the `answers` in turn, then a greeting.

    `asked` and `prepared` keep the requests, `running` counts the answers on their way, `closed` those that were
    thrown away before their end.
    """

    def __init__(self, *answers: Sequence[Step]) -> None:
        self.asked: list[ChatRequest] = []
        self.prepared: list[ChatRequest] = []
        self.running = 0
        self.closed = 0
        self._answers = deque(answers)

    def will(self, *answers: Sequence[Step]) -> None:
        self._answers.extend(answers)

    def will_no_more(self) -> None:
        """From now on it only greets."""
        self._answers.clear()

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        self.asked.append(request)
        steps = self._answers.popleft() if self._answers else _HELLO
        calls, words = 0, 0
        self.running += 1
        try:
            for step in steps:
                delta = await _delta(step, calls)
                if delta is not None:
                    calls += delta.tool_call is not None
                    words += bool(delta.text)
                    yield delta
            yield ChatDelta(
                finish_reason="tool_calls" if calls else "stop",
                input_tokens=sum(len(message.text.split()) for message in request.messages),
                output_tokens=words,
            )
        except (GeneratorExit, asyncio.CancelledError):
            self.closed += 1
            raise
        finally:
            self.running -= 1

    async def prepare(self, request: ChatRequest) -> None:
        self.prepared.append(request)


async def _delta(step: Step, calls: int) -> ChatDelta | None:
    match step:
        case str():
            return ChatDelta(step)
        case ChatDelta():
            return step
        case ToolCall():
            return ChatDelta(tool_index=calls, tool_call=step)
        case Exception():
            raise step
        case Silence.HANG:
            await asyncio.Event().wait()
        case seconds:
            await asyncio.sleep(seconds)
    return None
