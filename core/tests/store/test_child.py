"""A child process that does not outlive an interrupt of whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from antiphon_core.store import child as child_module
from antiphon_core.store.child import child

WAITS = (sys.executable, "-c", "print('there', flush=True); import time; time.sleep(60)")


def test_what_it_says_is_heard_to_its_end() -> None:
    with child([sys.executable, "-c", "import sys; print('one'); print('two', file=sys.stderr)"]) as process:
        said, _ = process.communicate()
    assert sorted(said.split()) == ["one", "two"]
    assert process.returncode == 0


def test_an_exception_in_the_block_kills_it() -> None:
    processes: list[subprocess.Popen[str]] = []

    def give_up() -> None:
        with child(WAITS) as process:
            processes.append(process)
            assert process.stdout is not None
            assert process.stdout.readline() == "there\n"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        give_up()
    assert processes[0].returncode == -signal.SIGKILL


def test_an_interrupt_while_it_is_being_started_kills_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []

    class Interrupted(subprocess.Popen[str]):
        def __init__(self, *args: object, **named: object) -> None:
            super().__init__(*args, **named)  # type: ignore[call-overload]
            os.kill(os.getpid(), signal.SIGINT)
            started.append(self)

    monkeypatch.setattr(child_module, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt), child(WAITS):
        pytest.fail("it was interrupted before")
    assert started[0].returncode == -signal.SIGKILL


def test_it_may_be_started_in_any_thread() -> None:
    statuses: list[int] = []

    def work() -> None:
        with child([sys.executable, "-c", ""]) as process:
            pass
        statuses.append(process.returncode)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert statuses == [0]
