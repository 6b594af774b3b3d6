"""Says back what the user said last: for tests, and for demonstrations without any model."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

from antiphon_core.errors import BadSettings

from antiphon_orchestrator.ports import ChatDelta, ChatRequest

_WORD = re.compile(r"\s*\S+\s*")


class EchoLlm:
    """`template` says how, and must hold `{text}`. `silence` is the answer where the user has said nothing."""

    def __init__(self, template: str = "You said: {text}", silence: str = "I am listening.") -> None:
        if "{text}" not in template:
            raise BadSettings(
                f"the echo's template is {template!r}, but must say where the user's words go",
                subject=template,
                allowed=("You said: {text}",),
            )
        self._template = template
        self._silence = silence

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        heard = next((message.text for message in reversed(request.messages) if message.role == "user"), "").strip()
        words = _WORD.findall(self._template.replace("{text}", heard) if heard else self._silence)
        spoken = words[: request.max_tokens]
        for word in spoken:
            yield ChatDelta(word)
        yield ChatDelta(
            finish_reason="stop" if len(spoken) == len(words) else "length",
            input_tokens=sum(len(message.text.split()) for message in request.messages),
            output_tokens=len(spoken),
        )

    async def prepare(self, request: ChatRequest) -> None:
        """There is nothing to prepare."""
