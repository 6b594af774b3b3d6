"""Real workers of the reference engine, each a process of its own, that can be killed, stopped and ended."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path

READY_S = 180.0
"""A busy machine takes its time."""
_NUMBERS = count()


class WorkerProcess:
    """`worker --adapter tone`, announced in a registry. `log`: where its lines are kept."""

    def __init__(self, name: str, registry: str, *flags: str, log: Path | None = None) -> None:
        self.name = name
        self.address = ""
        self._log = log
        self._command = (
            sys.executable, "-m", "antiphon_core.worker.main", "--adapter", "tone", "--port", "0", "--name", name,
            "--registry", registry, "--log-format", "json", *flags,
        )  # fmt: skip
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def start(self, *flags: str) -> None:
        """Returns once it is ready. `flags` are added this once."""
        self._process = await create_subprocess_exec(*self._command, *flags, stderr=PIPE, start_new_session=True)
        self._ready.clear()
        self._reading = asyncio.create_task(self._read(self._process))
        async with asyncio.timeout(READY_S):
            await self._ready.wait()

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None, "it was not started"
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None, "it was not started"
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def kill(self) -> None:
        """At once, as a crash does."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGKILL)
        await self.ended()

    async def ended(self) -> int:
        """Waits for its end; the exit status."""
        assert self._process is not None, "it was not started"
        status = await self._process.wait()
        if self._reading is not None:
            await self._reading
        return status

    async def _read(self, process: Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            if self._log is not None:
                with self._log.open("ab") as log:
                    log.write(line)
            with suppress(ValueError):
                record = json.loads(line)
                if record.get("event") == "ready":
                    self.address = record["address"]
                    self._ready.set()


@asynccontextmanager
async def workers(registry: str, number: int, *flags: str) -> AsyncIterator[list[WorkerProcess]]:
    """So many, ready; killed in the end, whatever became of them."""
    async with AsyncExitStack() as stack:
        there = [WorkerProcess(f"w{next(_NUMBERS)}", registry, *flags) for _ in range(number)]
        for worker in there:
            stack.push_async_callback(_clear, worker)
        await asyncio.gather(*(worker.start() for worker in there))
        yield there


async def _clear(worker: WorkerProcess) -> None:
    if worker._process is not None and worker._process.returncode is None:
        await worker.kill()
