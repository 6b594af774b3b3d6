"""A child process that does not outlive an interrupt of whoever started it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from subprocess import DEVNULL, PIPE, STDOUT, Popen


@contextmanager
def child(command: Sequence[str], environment: dict[str, str] | None = None) -> Iterator[Popen[str]]:
    """Runs it to its end; what it says is in `stdout`. If the block is left by an exception, it is killed, and all that
    it started."""
    started: list[Popen[str]] = []
    try:
        with _interrupts_wait():  # as long as nobody knows its number, nobody could end it
            started.append(
                Popen(
                    command,
                    env=environment,
                    stdin=DEVNULL,
                    stdout=PIPE,
                    stderr=STDOUT,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,
                )
            )
        yield started[0]
    except BaseException:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        for process in started:
            with process:  # closes what it said, and waits
                pass


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """SIGINT and SIGTERM that come meanwhile strike afterwards. Other threads than the first get none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = [number for number, handler in before.items() if callable(handler)]
    for number in ours:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
    for missed in came:
        signal.raise_signal(missed)
