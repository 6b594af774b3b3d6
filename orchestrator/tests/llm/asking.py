"""How tests ask a language model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from antiphon_orchestrator.llm.openai import OpenAiLlm
from antiphon_orchestrator.ports import ChatDelta, ChatMessage, ChatRequest, Llm

QUESTION = ChatRequest((ChatMessage("system", "Be brief."), ChatMessage("user", "Hello there")))

NewLlm = Callable[..., OpenAiLlm]
"""Makes a client of the test's endpoint."""


async def all_of(llm: Llm, request: ChatRequest = QUESTION) -> list[ChatDelta]:
    async with aclosing(llm.chat(request)) as deltas:
        return [delta async for delta in deltas]


async def text_of(llm: Llm, request: ChatRequest = QUESTION) -> str:
    return "".join(delta.text for delta in await all_of(llm, request))


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what happens on the other side of a socket; the test's time limit is the bound."""
    while not condition():  # noqa: ASYNC110 - nothing over there can set an event here
        await asyncio.sleep(0.005)
