"""How late ticks are with many sessions in one process, with scripted models: the house's own cost."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import Any

import numpy as np
import psutil
import uvloop
from antiphon_orchestrator.ports import EARS_RATE_HZ
from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.session.outlet import ResponseSheet
from antiphon_orchestrator.session.parts import Parts, SessionSettings
from antiphon_orchestrator.session.planner import Wish
from antiphon_orchestrator.session.session import Session
from antiphon_orchestrator.testing.ears import ScriptedAsr, ScriptedTurnDetector, ScriptedVad
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.speech import ScriptedSpeech
from tables import figure, row

COUNTS = (1, 10, 50, 100)
SECONDS = 10.0
"""Each session listens and speaks for so long."""
WORDS = " ".join(f"word{number}" for number in range(int(SECONDS * 5) + 10)) + "."
SILENCE = np.zeros(EARS_RATE_HZ // 50, np.float32)


class Watcher:
    """A client that notes when each frame comes."""

    def __init__(self) -> None:
        self.at_s: list[float] = []

    def event(self, type_: str, /, **fields: Any) -> None: ...

    def audio(self, sheet: ResponseSheet, item_id: str, pcm: bytes) -> None:
        self.at_s.append(time.monotonic())

    def close(self, code: int, reason: str) -> None: ...

    def lateness_ms(self) -> list[float]:
        """By how much longer than 20 ms the client waited for each frame."""
        return [max(0.0, (later - earlier) * 1000 - 20) for earlier, later in pairwise(self.at_s[5:])]


async def measure() -> None:
    """In a process of its own loop each, so that one count does not disturb the next."""
    for count in COUNTS:
        await asyncio.to_thread(uvloop.run, _sessions(count))


async def _sessions(count: int) -> None:
    process = psutil.Process()
    rss, cpu = process.memory_info().rss, process.cpu_times()
    watchers = [Watcher() for _ in range(count)]
    began_s = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for place, watcher in enumerate(watchers):
            tasks.create_task(_one(watcher, place * 0.02 / count))
    passed_s = time.monotonic() - began_s
    after = process.cpu_times()
    share = (after.user + after.system - cpu.user - cpu.system) / passed_s
    late = [value for watcher in watchers for value in watcher.lateness_ms()]
    row(f"tick lateness, {count} sessions", late, reach="p99 <= 5" if count == COUNTS[-1] else "")
    figure(f"processor, {count} sessions", f"{share:.3f} of a core, {share / count * 1000:.2f} thousandths each")
    figure(f"memory, {count} sessions", f"{(process.memory_info().rss - rss) / count / 1e6:.2f} MB each", "<= 1 MB")


async def _one(watcher: Watcher, delay_s: float) -> None:
    await asyncio.sleep(delay_s)
    llm = ScriptedLlm([WORDS])
    parts = Parts(ScriptedVad, ScriptedTurnDetector(), ScriptedAsr(), llm, ScriptedSpeech(frame_s=0.0), list)
    session = Session(parts, SessionSettings(), SessionConfig(), watcher, lambda: time.monotonic_ns() // 1_000_000)
    running = asyncio.create_task(session.run())
    await asyncio.sleep(0)
    session.respond(Wish())
    due_s = time.monotonic()
    for _ in range(int(SECONDS * 50)):
        session.hear(SILENCE)
        due_s += 0.02
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
    session.hang_up()
    await running
