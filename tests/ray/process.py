"""`antiphon-ray up`, and further machines' Ray: real processes whose words can be waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml
from antiphon_orchestrator.speech.client import Patience
from antiphon_ray.head import QUICK_TO_NOTICE, TOKEN
from antiphon_ray.worker import free_ports

START_S = 400.0
END_S = 90.0
HERE = "127.0.0.1"
AFTERWARDS_S = 60.0
TRIES = 3
_JOINED = "Ray runtime started"
VARIABLES = {"RAY_AUTH_MODE": "token", TOKEN: "0123456789abcdef" * 2}
OF_ONNXRUNTIME = {".ses"}
"""The same file for all that use it."""
UNHURRIED = dict.fromkeys(QUICK_TO_NOTICE, "20000")
"""For one machine, which nothing cuts off: with too much to do it would be taken for one that is."""
UNHURRIED_LISTENER = Patience(started_s=60.0, first_s=60.0, between_s=30.0)
"""The same for those who listen there: who is gone is known by the connection."""


class Spoken:
    """A process in the background, and what it said so far."""

    def __init__(self, command: Sequence[str], variables: Mapping[str, str]) -> None:
        self._log = tempfile.NamedTemporaryFile(mode="w+", suffix=".log")  # noqa: SIM115 # closed in end()
        self.process = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, **VARIABLES, **variables},
            start_new_session=True,
        )

    @property
    def said(self) -> str:
        return Path(self._log.name).read_text(encoding="utf-8")

    def wait_for(self, words: str, times: int = 1) -> None:
        """Until it has said that so many times, from now on or before."""
        assert self.says(words, times), f"it never said {words!r}: {self.said}"

    def says(self, words: str, times: int = 1) -> bool:
        """Whether it said that so many times before it ended, or within the time it is given."""
        end_s = time.monotonic() + START_S
        while self.said.count(words) < times:
            if self.process.poll() is not None or time.monotonic() > end_s:
                return False
            time.sleep(0.1)
        return True

    @property
    def ended(self) -> bool:
        """Whether `end` was called."""
        return bool(self._log.closed)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """As Ctrl-C does; the exit status. Whatever outlives it is killed, and told of."""
        family = descendants(self.process.pid)
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(END_S)
        finally:
            left = _still_there(family)
            for one in left:
                one.kill()
            self._log.close()
        assert not left, f"still there: {left}"
        return status


def _still_there(family: list[psutil.Process]) -> list[psutil.Process]:
    _, left = psutil.wait_procs(family, timeout=AFTERWARDS_S)
    return [one for one in left if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def descendants(process_id: int) -> list[psutil.Process]:
    """All processes below one."""
    try:
        return psutil.Process(process_id).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def workers_of(running: Spoken) -> list[psutil.Process]:
    return processes_of(running, "antiphon_core.worker")


def replicas_of(running: Spoken) -> list[psutil.Process]:
    return processes_of(running, "ray::ServeReplica")


def processes_of(running: Spoken, words: str) -> list[psutil.Process]:
    return [one for one in descendants(running.process.pid) if words in " ".join(one.cmdline())]


@contextmanager
def up(
    content: dict[str, Any], *flags: str, on: Sequence[str] = (), variables: Mapping[str, str] = UNHURRIED
) -> Iterator[Spoken]:
    """`antiphon-ray up` with these engines; `on`: the command that runs a command on another machine.

    Nothing of it may be left where temporary files are made.
    """
    with folder() as place, folder() as temporary:
        file = place / "engines.yaml"
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        command = [sys.executable, "-m", "antiphon_ray.cli.main", "up", str(file), f"--temp-dir={place}", *flags]
        with running([*on, *command], {**variables, "TMPDIR": str(temporary)}) as process:
            yield process
        left = {each.name for each in temporary.iterdir()} - OF_ONNXRUNTIME
        assert not left, left


@contextmanager
def head() -> Iterator[str]:
    """The address of a Ray that somebody else started here."""
    (port,) = free_ports(HERE, 1)
    flags = ("--head", f"--port={port}", f"--node-ip-address={HERE}", "--include-dashboard=false")
    with folder() as place, running(_start(place, *flags), UNHURRIED) as process:
        process.wait_for(_JOINED)
        yield f"{HERE}:{port}"


@contextmanager
def joined(address: str, host: str, cpus: int, on: Sequence[str]) -> Iterator[None]:
    """A further machine of the Ray at that address. A busy one may need more than the half minute that Ray gives it."""
    flags = (f"--address={address}", f"--node-ip-address={host}", f"--num-cpus={cpus}")
    with ExitStack() as stack:
        command = [*on, *_start(stack.enter_context(folder()), *flags)]
        for _ in range(TRIES):
            process = stack.enter_context(running(command, QUICK_TO_NOTICE))
            if process.says(_JOINED):
                break
        else:
            raise AssertionError(process.said)
        yield


def _start(place: Path, *flags: str) -> list[str]:
    """`ray start`, in the foreground."""
    return [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--block", f"--temp-dir={place}",
        "--object-store-memory=80000000", "--disable-usage-stats", *flags,
    ]  # fmt: skip


@contextmanager
def running(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[Spoken]:
    """Ended by SIGTERM, unless it has ended before."""
    process = Spoken(command, variables)
    try:
        yield process
    finally:
        if not process.ended:
            process.end(signal.SIGTERM)


@contextmanager
def folder() -> Iterator[Path]:
    """With a short name, for the sockets in it. Ray may still write there when it is over."""
    with tempfile.TemporaryDirectory(prefix="ar", dir="/tmp", ignore_cleanup_errors=True) as place:
        yield Path(place)
