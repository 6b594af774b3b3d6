"""Starts `antiphon up` and finds its processes."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil
from antiphon_orchestrator.cli.remote import reaching
from tables import figure

READY_S = 300.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server and its workers."""

    url: str
    server: psutil.Process
    started_s: float

    @property
    def workers(self) -> list[psutil.Process]:
        return self.server.children()


@asynccontextmanager
async def up(*flags: str) -> AsyncIterator[Running]:
    """`antiphon up` on a free port, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began_s = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "antiphon_orchestrator.cli.main", "up", "--port", str(port), *flags,
        stdout=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(READY_S):
            while not await asyncio.to_thread(is_ready, url):
                if process.returncode is not None:
                    raise RuntimeError(f"the server ended with status {process.returncode}")
                await asyncio.sleep(0.05)
        yield Running(url, psutil.Process(process.pid), time.monotonic() - began_s)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()


def is_ready(url: str) -> bool:
    try:
        with reaching(url, "") as client:
            return client.get("/readyz").is_success
    except ConnectionError:
        return False


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """Processor time they took so far."""
    times = [process.cpu_times() for process in processes]
    return sum(time.user + time.system for time in times)


async def measure_start() -> None:
    """From the command to the first possible conversation, models on disk."""
    async with up():
        pass  # whatever has to be fetched is there now
    async with up() as running:
        figure("ready after `antiphon up`, warm cache", f"{running.started_s:.1f} s", "<= 5 s")
