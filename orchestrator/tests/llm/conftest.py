"""A chat endpoint on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from antiphon_orchestrator.llm.openai import OpenAiLlm
from antiphon_orchestrator.testing.chat_endpoint import ChatEndpoint
from llm.asking import NewLlm


@pytest.fixture
async def endpoint() -> AsyncIterator[ChatEndpoint]:
    """Already serving; `base_url` tells where."""
    endpoint = ChatEndpoint()
    async with endpoint.serve():
        yield endpoint


@pytest.fixture
async def new_llm(endpoint: ChatEndpoint) -> AsyncIterator[NewLlm]:
    """Makes clients of the endpoint, and closes them."""
    async with AsyncExitStack() as stack:

        def make(**options: object) -> OpenAiLlm:
            llm = OpenAiLlm(endpoint.base_url, **({"model": "small", "api_key": "secret"} | options))  # type: ignore[arg-type]
            stack.push_async_callback(llm.aclose)
            return llm

        yield make
