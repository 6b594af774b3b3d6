"""Shares: one network loaded for several numbers of threads, so that utterances at once divide the processors.

On two processors, two runs of two threads each wait for one another; two of one thread are done a fifth sooner.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Protocol

from antiphon_adapter_piper.description import MAX_CONCURRENCY


class Session(Protocol):
    """What is used of onnxruntime's."""

    def run(self, outputs: Sequence[str] | None, inputs: Mapping[str, Any]) -> list[Any]: ...


class Shares:
    """Sessions of one network; each run takes the one whose threads are its share while so many run."""

    def __init__(self, load: Callable[[int], Session], threads: Sequence[int]) -> None:
        """`threads` has the number for a run alone, then for each of two, and so on."""
        loaded = {count: load(count) for count in dict.fromkeys(threads)}
        self._sessions = [loaded[count] for count in threads]
        self._lock = Lock()
        self._running = 0

    def run(self, outputs: Sequence[str] | None, inputs: Mapping[str, Any]) -> list[Any]:
        """As a session's. A run keeps the threads that it began with."""
        with self._one_more() as running:
            return self._sessions[min(running, len(self._sessions)) - 1].run(outputs, inputs)

    @contextmanager
    def _one_more(self) -> Iterator[int]:
        with self._lock:
            self._running += 1
            running = self._running
        try:
            yield running
        finally:
            with self._lock:
                self._running -= 1


def shares_of(most: int, processors: int | None = None) -> list[int]:
    """How many threads a run may have, for every number of them at once: no more than its part of the processors, which
    are those of this process unless given."""
    here = processors or _processors()
    return [min(most, max(1, here // running)) for running in range(1, MAX_CONCURRENCY + 1)]


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
