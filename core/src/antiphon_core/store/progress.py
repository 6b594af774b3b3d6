"""How a fetch is shown: a bar on a terminal, plain lines elsewhere, a callback, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Protocol, TextIO

from antiphon_core.store.disk import size_text

_BAR_CELLS = 24
_REDRAW_S = 0.1
_LINE_EVERY_S = 5.0
_LINE_EVERY_PART = 0.1

Clock = Callable[[], float]


class Bar(Protocol):
    """One fetch on display."""

    def at(self, done_bytes: int) -> None:
        """So much is here. It can go back, when a source's data turns out to be wrong."""
        ...

    def close(self) -> None:
        """The fetch has ended, well or not."""
        ...


class Progress(Protocol):
    """Where fetches are shown. Several threads may fetch at once."""

    def say(self, line: str) -> None:
        """Something the operator should know: a licence, a source that failed, a wait."""
        ...

    def start(self, what: str, total_bytes: int) -> Bar: ...


class Silent:
    """Shows nothing; a progress and its bar in one."""

    def say(self, line: str) -> None: ...

    def start(self, what: str, total_bytes: int) -> Bar:
        return self

    def at(self, done_bytes: int) -> None: ...

    def close(self) -> None: ...


class CallbackProgress:
    """Hands on how far a fetch is: `on_bytes(what, done_bytes, total_bytes)`; and its lines, if asked to."""

    def __init__(
        self, on_bytes: Callable[[str, int, int], None], on_line: Callable[[str], None] = lambda line: None
    ) -> None:
        self.say = on_line
        self._on_bytes = on_bytes

    def start(self, what: str, total_bytes: int) -> Bar:
        return _CallbackBar(lambda done_bytes: self._on_bytes(what, done_bytes, total_bytes))


class _CallbackBar:
    def __init__(self, on_bytes: Callable[[int], None]) -> None:
        self.at = on_bytes
        self.at(0)

    def close(self) -> None: ...


class Lines:
    """Plain lines for logs: at most one for every 10 % and every 5 s of a fetch, and one at its end."""

    def __init__(self, out: TextIO, clock: Clock = time.monotonic) -> None:
        self._out = out
        self._clock = clock

    def say(self, line: str) -> None:
        print(line, file=self._out, flush=True)

    def start(self, what: str, total_bytes: int) -> Bar:
        return _LinesBar(what, total_bytes, self.say, self._clock)


class _LinesBar:
    def __init__(self, what: str, total_bytes: int, say: Callable[[str], None], clock: Clock) -> None:
        self._what = what
        self._total_bytes = total_bytes
        self._say = say
        self._clock = clock
        self._said_at_s = clock()
        self._said_bytes = 0

    def at(self, done_bytes: int) -> None:
        moved = done_bytes - self._said_bytes >= self._total_bytes * _LINE_EVERY_PART
        waited = self._clock() - self._said_at_s >= _LINE_EVERY_S
        if done_bytes > self._said_bytes and (done_bytes >= self._total_bytes or (moved and waited)):
            self._said_at_s, self._said_bytes = self._clock(), done_bytes
            self._say(f"{self._what}: {_share(done_bytes, self._total_bytes)}")

    def close(self) -> None: ...


class TerminalBars:
    """A bar that is drawn over itself."""

    def __init__(self, out: TextIO, clock: Clock = time.monotonic) -> None:
        self._out = out
        self._clock = clock

    def say(self, line: str) -> None:
        print(f"\r\x1b[K{line}", file=self._out, flush=True)

    def start(self, what: str, total_bytes: int) -> Bar:
        return _TerminalBar(what, total_bytes, self._out, self._clock)


class _TerminalBar:
    def __init__(self, what: str, total_bytes: int, out: TextIO, clock: Clock) -> None:
        self._what = what
        self._total_bytes = total_bytes
        self._out = out
        self._clock = clock
        self._drawn_at_s = float("-inf")

    def at(self, done_bytes: int) -> None:
        if done_bytes < self._total_bytes and self._clock() - self._drawn_at_s < _REDRAW_S:
            return
        self._drawn_at_s = self._clock()
        cells = _BAR_CELLS * done_bytes // max(1, self._total_bytes)
        bar = "#" * cells + "-" * (_BAR_CELLS - cells)
        print(
            f"\r\x1b[K{self._what} [{bar}] {_share(done_bytes, self._total_bytes)}",
            end="",
            file=self._out,
            flush=True,
        )

    def close(self) -> None:
        print(file=self._out, flush=True)


def _share(done_bytes: int, total_bytes: int) -> str:
    return f"{100 * done_bytes // max(1, total_bytes)} % of {size_text(total_bytes)}"


def progress_on(out: TextIO | None = None) -> Progress:
    """What suits a stream (standard error if none is given)."""
    stream = out or sys.stderr
    return TerminalBars(stream) if stream.isatty() else Lines(stream)
