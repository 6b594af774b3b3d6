"""A mind that knows what the tests ask: an OpenAI-compatible chat endpoint with an answer for each question."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from antiphon_orchestrator.testing.chat_endpoint import ChatEndpoint, Json, Script, words

SEA = (
    "The sea covers most of our planet. It is deep and blue, and it is full of fish. Big ships cross it every day. "
    "The wind makes waves on it, and the moon makes the tides. Rivers bring it water from the mountains. "
    "Children like to play on its beaches, and sailors tell long stories about it."
)
ANSWERS = {
    r"capital": "The capital of France is Paris.",
    r"spider|legs": "A spider has eight legs.",
    r"\bsea\b|\bsee\b": SEA,
    r"grass|colou?r": "The grass is green.",
}
PUZZLED = "I do not know that."


@pytest_asyncio.fixture(name="mind", scope="session", loop_scope="session")
async def knowing() -> AsyncIterator[ChatEndpoint]:
    """Keeps everything it is asked."""
    endpoint = ChatEndpoint(otherwise=answer)
    async with endpoint.serve():
        yield endpoint


def answer(asked: Json) -> Script:
    """The answer to what was said last; the weather is asked of a function, if there is one."""
    last = asked["messages"][-1]
    if last["role"] == "tool":
        return words(f"In London it is {json.loads(last['content'])['sky']} today.")
    text = str(last["content"])
    if re.search("weather", text, re.IGNORECASE) and asked.get("tools"):
        return _call(asked["tools"][0]["function"]["name"], {"city": "London"})
    found = (known for pattern, known in ANSWERS.items() if re.search(pattern, text, re.IGNORECASE))
    return words(*re.findall(r"\s*\S+", next(found, PUZZLED)))


def _call(name: str, arguments: dict[str, Any]) -> Script:
    """A function call in two pieces, as models stream it."""
    whole = json.dumps(arguments)
    first = {"index": 0, "id": "call_weather", "type": "function", "function": {"name": name, "arguments": whole[:5]}}
    second = {"index": 0, "function": {"arguments": whole[5:]}}
    chunks = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [part]}, "finish_reason": None}]} for part in (first, second)
    ]
    return words(*chunks)
