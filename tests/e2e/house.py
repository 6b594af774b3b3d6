"""Starts `antiphon up` as a user does, and asks it what tests want to know; also for the folders beside this one."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest_asyncio
from antiphon_orchestrator.testing.chat_endpoint import ChatEndpoint

__all__ = ["House", "antiphon", "served", "up"]

READY_S = 240.0
"""A first start fetches the models."""
_READY = "Antiphon is ready: "


@dataclass(frozen=True, slots=True)
class House:
    """A running server."""

    url: str
    process_id: int

    def speak(self, text: str) -> bytes:
        """The text in the server's voice, 16 bit at 24 kHz."""
        body = {"input": text, "response_format": "pcm"}
        return httpx.post(f"{self.url}/v1/audio/speech", json=body, timeout=60.0).raise_for_status().content

    def health(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{self.url}/health", timeout=10.0).raise_for_status().json()
        return answer

    async def sessions_left(self, limit_s: float) -> int:
        """How many conversations are held once all have ended, or the time is over."""
        for _ in range(round(limit_s / 0.1)):
            if not self.health()["sessions"]:
                return 0
            await asyncio.sleep(0.1)
        return int(self.health()["sessions"])


def antiphon(*arguments: str) -> list[str]:
    """The command as this environment has it."""
    return [sys.executable, "-m", "antiphon_orchestrator.cli.main", *arguments]


@asynccontextmanager
async def up(*flags: str, ready_s: float = READY_S) -> AsyncIterator[House]:
    """`antiphon up` on a free port, until the block ends."""
    process = await create_subprocess_exec(*antiphon("up", "--port", "0", *flags), stdout=PIPE, start_new_session=True)
    try:
        async with asyncio.timeout(ready_s):
            url = await _address(process)
        yield House(url, process.pid)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()


@pytest_asyncio.fixture(name="house", scope="session", loop_scope="session")
async def served(mind: ChatEndpoint) -> AsyncIterator[House]:
    """The server with that mind: real ears, a real voice, real sockets."""
    async with up("--mind", "openai", "--mind-url", mind.base_url, "--mind-model", "knowing") as house:
        yield house


async def _address(process: Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        if _READY in (said := line.decode()):
            return said.partition(_READY)[2].split()[0]
    raise RuntimeError("the server ended before it was ready; its words are above")
