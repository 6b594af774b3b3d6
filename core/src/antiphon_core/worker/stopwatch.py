"""Stopwatch: how long an engine has been at work, and for how long it has been silent."""

from __future__ import annotations

from collections.abc import Callable


class Stopwatch:
    """Runs while the engine works. Written by the engine's thread, read by the event loop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._done_s = 0.0
        self._since_s: float | None = None

    def start(self) -> None:
        if self._since_s is None:
            self._since_s = self._clock()

    def stop(self) -> None:
        since_s, self._since_s = self._since_s, None
        if since_s is not None:
            self._done_s += self._clock() - since_s

    @property
    def total_s(self) -> float:
        """All of its work so far, stops apart."""
        return self._done_s + self.running_s

    @property
    def running_s(self) -> float:
        """Since it last started; 0 while it is stopped."""
        since_s = self._since_s
        return 0.0 if since_s is None else self._clock() - since_s
