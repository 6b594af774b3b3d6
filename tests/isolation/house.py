"""A server whose workers can be told apart: which processes they are, and what each of them has loaded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.e2e import house
from tests.e2e.house import antiphon

__all__ = ["House", "antiphon", "has_torch", "protobuf_version", "up"]

READY_S = 600.0


@dataclass(frozen=True, slots=True)
class House(house.House):
    """A running server."""

    @property
    def process(self) -> psutil.Process:
        """The server's own; its workers are its children."""
        return psutil.Process(self.process_id)

    async def engines(self, count: int) -> set[str]:
        """Those that the server can speak with, once there are so many: one too busy to answer is out for a moment."""
        async with asyncio.timeout(READY_S), httpx.AsyncClient(base_url=self.url) as client:
            while True:
                answer = (await client.get("/v1/voices")).raise_for_status()
                engines = {str(voice["engine"]) for voice in answer.json()["data"]}
                if len(engines) == count:
                    return engines
                await asyncio.sleep(0.5)

    def worker(self, engine: str) -> psutil.Process:
        """The process that hosts the engine."""
        (found,) = (child for child in self.process.children() if engine in child.cmdline())
        return found


def loaded(process: psutil.Process) -> set[Path]:
    """The compiled libraries that the process has in memory."""
    return {Path(each.path) for each in process.memory_maps() if ".so" in each.path}


def protobuf_version(process: psutil.Process) -> str:
    """Of the runtime that the process has in memory: told by what stands beside the library it loaded."""
    (library,) = (path for path in loaded(process) if path.parent.name == "_upb")
    (info,) = library.parents[2].glob("protobuf-*.dist-info")
    return info.name.removeprefix("protobuf-").removesuffix(".dist-info")


def has_torch(process: psutil.Process) -> bool:
    return any(re.match(r"libtorch", path.name) for path in loaded(process))


@asynccontextmanager
async def up(*flags: str) -> AsyncIterator[House]:
    """`antiphon up` on a free port, until the block ends."""
    async with house.up(*flags, ready_s=READY_S) as running:
        yield House(running.url, running.process_id)
