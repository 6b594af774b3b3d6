"""Asks once more when a language model fails or stalls before it has said anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.ports import ChatDelta, ChatRequest, Llm

_LONGEST_PAUSE_MS = 1000
"""An endpoint that wants us to wait longer wants a caller to hang up."""


class ResilientLlm:
    """Wraps any language model and raises nothing but LlmFailed.

    The first word must come within `first_s` and each further one within `between_s`. After a failure before the first
    word there is exactly one more try, `pause_s` later or when the endpoint wants it; after the first word there is
    none, for what was spoken already would be said twice.
    """

    def __init__(self, llm: Llm, *, first_s: float = 8.0, between_s: float = 5.0, pause_s: float = 0.1) -> None:
        self._llm = llm
        self._first_s = first_s
        self._between_s = between_s
        self._pause_s = pause_s

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        begun = False
        try:
            async with aclosing(self._watched(request)) as deltas:
                async for delta in deltas:
                    begun = True
                    yield delta
            return
        except LlmFailed as failure:
            if begun or not _is_worth_a_try(failure):
                raise
            pause_s = max(self._pause_s, failure.retry_after_ms / 1000)
        await asyncio.sleep(pause_s)
        async with aclosing(self._watched(request)) as deltas:
            async for delta in deltas:
                yield delta

    async def prepare(self, request: ChatRequest) -> None:
        await self._llm.prepare(request)

    async def _watched(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        async with aclosing(self._llm.chat(request)) as deltas:
            delta = await _next(deltas, self._first_s)
            while delta is not None:
                yield delta
                delta = await _next(deltas, self._between_s)


async def _next(deltas: AsyncGenerator[ChatDelta, None], limit_s: float) -> ChatDelta | None:
    try:
        async with asyncio.timeout(limit_s):
            return await anext(deltas, None)
    except LlmFailed:
        raise
    except TimeoutError as error:
        raise LlmFailed(Kind.STALLED, f"the language model said nothing for {limit_s:g} s") from error
    except Exception as error:
        raise LlmFailed(Kind.FAILED, f"the language model failed: {type(error).__name__}: {error}") from error


def _is_worth_a_try(failure: LlmFailed) -> bool:
    return failure.may_pass and failure.retry_after_ms <= _LONGEST_PAUSE_MS
