"""The line between a process and the one that started it: JSON objects, a line each, that ask or tell."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any
from weakref import WeakSet

import structlog

log = structlog.get_logger(__name__)


Answer = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Called with what is asked for, and its details."""
MAX_LINE_BYTES = 64 * 1024 * 1024
MAX_WAITING_BYTES = 16 * 1024 * 1024
"""Overflow: what is more is refused."""


class LineBroken(ConnectionError):
    """The other process is gone."""


class Channel:
    """One end. `run` hears: what is told in its order; each question is answered in a task of its own."""

    def __init__(self, end: socket.socket, answer: Answer) -> None:
        self._end = end
        self._answer = answer
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._numbers = count(1)

    async def ask(self, what: str, limit_s: float, **details: Any) -> Any:
        """Raises LineBroken, or TimeoutError."""
        number = next(self._numbers)
        answered = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._send({"ask": what, "number": number, **details})
            async with asyncio.timeout(limit_s):
                return await answered
        finally:
            del self._asked[number]

    def tell(self, what: str, **details: Any) -> None:
        """Raises LineBroken."""
        self._send({"tell": what, **details})

    async def open(self) -> None:
        """Before anything else."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._end, limit=MAX_LINE_BYTES)

    async def run(self) -> None:
        """Until the other end is gone."""
        assert self._reader is not None, "it was not opened"
        assert self._writer is not None
        try:
            async with asyncio.TaskGroup() as tasks:
                replying = WeakSet[asyncio.Task[None]]()
                async for message in _messages(self._reader):
                    if "answer" in message:
                        self._settle(message)
                    elif "tell" in message:
                        await self._answer(message.pop("tell"), message)
                    else:
                        replying.add(tasks.create_task(self._reply(message)))
                for task in replying:
                    task.cancel()
        finally:
            self._writer.close()
            self._writer = None
            for asked in self._asked.values():
                if not asked.done():
                    asked.set_exception(LineBroken("the other process is gone"))

    def _settle(self, message: dict[str, Any]) -> None:
        asked = self._asked.get(message["number"])
        if asked is not None and not asked.done():
            asked.set_result(message["answer"])

    async def _reply(self, message: dict[str, Any]) -> None:
        asked, number = message.pop("ask"), message.pop("number")
        try:
            self._send({"number": number, "answer": await self._answer(asked, message)})
        except LineBroken:
            log.debug("nobody waits for the answer any more", asked=asked)
        except Exception:
            log.exception("cannot answer another process", asked=asked)

    def _send(self, message: dict[str, Any]) -> None:
        if self._writer is None or self._writer.is_closing():
            raise LineBroken("the other process is gone")
        if self._writer.transport.get_write_buffer_size() > MAX_WAITING_BYTES:
            raise LineBroken("the other process takes nothing")
        self._writer.write(json.dumps(message).encode() + b"\n")


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """Until the other end is gone, however it went."""
    with suppress(ConnectionError):
        while line := await reader.readline():
            if line.endswith(b"\n"):
                yield json.loads(line)
