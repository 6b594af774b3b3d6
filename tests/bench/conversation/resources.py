"""Processor and memory of one real session, and what connections leave behind."""

from __future__ import annotations

import asyncio
import time

import psutil
from antiphon_orchestrator.cli.caller import calling
from antiphon_orchestrator.cli.remote import reaching
from processes import cpu_s, up
from tables import figure
from turns import one_call
from voices import QUESTIONS, spoken

MEGABYTE = 1_000_000
CONNECTS = 200


async def measure() -> None:
    """One session that asks and listens all the time; the language model apart, so `echo` answers."""
    async with up("--mind", "echo") as running:
        tracks = list((await asyncio.to_thread(spoken, running.url, QUESTIONS)).values())
        await one_call(running.url, tracks[:2])
        before_s, began_s = cpu_s([running.server]), time.monotonic()
        workers_before_s = cpu_s(running.workers)
        await one_call(running.url, tracks * 2)
        passed_s = time.monotonic() - began_s
        share = (cpu_s([running.server]) - before_s) / passed_s
        worker_share = (cpu_s(running.workers) - workers_before_s) / passed_s
        rss = running.server.memory_info().rss / MEGABYTE
        figure("processor of one session, server", f"{share:.2f} of a core", "<= 0.10")
        figure("processor of one session, worker", f"{worker_share:.2f} of a core")
        figure("memory of the server, language model apart", f"{rss:.0f} MB", "<= 350 MB")


async def measure_connects() -> None:
    """Connects and disconnects leave nothing behind."""
    async with up("--mind", "echo") as running:
        for _ in range(20):
            await _connect(running.url)
        await asyncio.sleep(1.0)
        before = _held(running.server)
        for _ in range(CONNECTS):
            await _connect(running.url)
        await asyncio.sleep(2.0)
        after = _held(running.server)
        with reaching(running.url, "") as client:
            sessions = client.get("/health").json()["sessions"]
        figure(f"sessions left after {CONNECTS} connects", str(sessions), "0")
        for name, old, new in zip(("threads", "open files", "MB of memory"), before, after, strict=True):
            figure(f"{name} before -> after", f"{old:.0f} -> {new:.0f}", "flat")


async def _connect(url: str) -> None:
    async with calling(url) as call:
        greeted = asyncio.Event()
        call.listeners.append(lambda _: greeted.set())
        await greeted.wait()


def _held(process: psutil.Process) -> tuple[float, float, float]:
    return process.num_threads(), process.num_fds(), process.memory_info().rss / MEGABYTE
