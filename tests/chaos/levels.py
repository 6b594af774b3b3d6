"""What a process holds: tasks, threads, open files, memory, sessions, places; and whether it is back where it was."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
from house import House

Level = Mapping[str, float]
SETTLES_WITHIN_S = 20.0
_SLACK = {"files": 2.0, "MB": 40.0, "gRPC threads": 12.0}
"""How much more than before is no leak: a connection to Redis may just be made anew; allocators keep what they had;
gRPC adds threads to its pool while the machine lets those that it has wait."""
_OF_GRPC = ("event_engine", "grpc", "lifeguard", "resolver")
"""How its threads are called."""
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
    """Of each server and each worker, by its name."""
    places = [(server.name, f"{server.url}/metrics", server.pid) for server in house.servers]
    places += [(worker.name, url, worker.pid) for worker, url in zip(house.workers, house.metrics, strict=True)]
    return {name: await asyncio.to_thread(_level, url, pid) for name, url, pid in places}


def leaks(before: Mapping[str, Level], after: Mapping[str, Level]) -> list[str]:
    """What is more than it was. Each may have been started again: it is held against the highest of its kind."""
    highest: dict[tuple[str, str], float] = {}
    for name, level in before.items():
        for key, value in level.items():
            highest[_kind(name), key] = max(value, highest.get((_kind(name), key), 0.0))
    found = []
    for name, level in after.items():
        slack = {**_SLACK, "threads": _PLACES} if _kind(name) == "worker" else _SLACK
        for key, value in level.items():
            was = highest[_kind(name), key]
            if value > was + slack.get(key, 0.0):
                found.append(f"{name}: {value:.0f} {key}, {was:.0f} before")
    return found


def _kind(name: str) -> str:
    return name.partition("-")[0]


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
    of_grpc = sum(_thread_name(pid, thread.id).startswith(_OF_GRPC) for thread in process.threads())
    threads = {"threads": process.num_threads() - of_grpc, "gRPC threads": of_grpc}
    return {**sums, **threads, "MB": process.memory_info().rss / 1e6}


def _thread_name(pid: int, thread: int) -> str:
    """Empty where it has just ended, or the system does not tell."""
    try:
        return Path(f"/proc/{pid}/task/{thread}/comm").read_text(encoding="utf-8")
    except OSError:
        return ""
