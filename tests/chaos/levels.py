"""What a process holds: tasks, threads, open files, memory, sessions, places; and whether it is back where it was."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import Mapping, Sequence

import psutil
from house import House

Level = Mapping[str, float]
SETTLES_WITHIN_S = 20.0
_SLACK = {"files": 2.0, "MB": 40.0}
"""How much more than before is no leak: a connection to Redis may just be made anew; allocators keep what they had."""
_PLACES = 64.0
"""Workers keep the threads of their places for the next utterances."""
_GAUGES = {
    "antiphon_sessions": "sessions",
    "antiphon_utterances_in_flight": "utterances",
    "antiphon_tasks": "tasks",
    "antiphon_worker_in_flight": "utterances",
    "antiphon_worker_queued": "queued",
    "antiphon_worker_tasks": "tasks",
    "process_open_fds": "files",
}


async def levels(house: House) -> dict[str, Level]:
    """Of the orchestrator and of each worker, by its name."""
    places = [("orchestrator", f"{house.server}/metrics", house.server_pid)]
    places += [(worker.name, url, worker.pid) for worker, url in zip(house.workers, house.metrics, strict=True)]
    return {name: await asyncio.to_thread(_level, url, pid) for name, url, pid in places}


def leaks(before: Mapping[str, Level], after: Mapping[str, Level]) -> list[str]:
    """What is more than it was. A worker that was started again is held against the highest of all workers."""
    highest: dict[str, float] = {}
    for name, level in before.items():
        if name != "orchestrator":
            highest = {key: max(value, highest.get(key, 0.0)) for key, value in level.items()}
    found = []
    for name, level in after.items():
        is_worker = name != "orchestrator"
        was, slack = (highest, {**_SLACK, "threads": _PLACES}) if is_worker else (before[name], _SLACK)
        found += [
            f"{name}: {value:.0f} {key}, {was[key]:.0f} before"
            for key, value in level.items()
            if value > was[key] + slack.get(key, 0.0)
        ]
    return found


async def leaks_that_stay(house: House, before: Mapping[str, Level]) -> tuple[Sequence[str], Mapping[str, Level]]:
    """Once everything had time to end."""
    for _ in range(round(SETTLES_WITHIN_S)):
        after = await levels(house)
        found = leaks(before, after)
        if not found:
            break
        await asyncio.sleep(1.0)
    return found, after


def _level(url: str, pid: int) -> Level:
    with urllib.request.urlopen(url, timeout=10.0) as page:
        text = page.read().decode()
    sums = {key: 0.0 for name, key in _GAUGES.items() if f"# HELP {name} " in text}
    for name, value in re.findall(r"^(\w+)(?:{.*?})? (\S+)$", text, re.MULTILINE):
        if name in _GAUGES:
            sums[_GAUGES[name]] += float(value)
    process = psutil.Process(pid)
    return {**sums, "threads": process.num_threads(), "MB": process.memory_info().rss / 1e6}
