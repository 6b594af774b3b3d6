"""Starts `antiphon up` as a user does; says which processes are its workers, and what each of them has loaded."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

READY_S = 600.0
_READY = "Antiphon is ready: "


def antiphon(*arguments: str) -> list[str]:
    """The command as this environment has it."""
    return [sys.executable, "-m", "antiphon_orchestrator.cli.main", *arguments]


@dataclass(frozen=True, slots=True)
class House:
    """A running server."""

    url: str
    process: psutil.Process

    async def engines(self, count: int) -> set[str]:
        """Those that the server can speak with, once there are so many: it is ready as soon as it has one."""
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
    command = antiphon("up", "--port", "0", *flags)
    process = await create_subprocess_exec(*command, stdout=PIPE, start_new_session=True)
    try:
        async with asyncio.timeout(READY_S):
            url = await _address(process)
        yield House(url, psutil.Process(process.pid))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()


async def _address(process: Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        if _READY in (said := line.decode()):
            return said.partition(_READY)[2].split()[0]
    raise RuntimeError("the server ended before it was ready; its words are above")
