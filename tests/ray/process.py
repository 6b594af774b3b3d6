"""`antiphon-ray up`, and further machines' Ray: real processes whose words can be waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml
from antiphon_ray.head import QUICK_TO_NOTICE, TOKEN

START_S = 180.0
END_S = 90.0
AFTERWARDS_S = 10.0
VARIABLES = {**QUICK_TO_NOTICE, "RAY_AUTH_MODE": "token", TOKEN: "0123456789abcdef" * 2}


class Spoken:
    """A process in the background, and what it said so far."""

    def __init__(self, command: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        self._log = tempfile.NamedTemporaryFile(mode="w+", suffix=".log")  # noqa: SIM115 # closed in end()
        self.process = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, **VARIABLES, **(variables or {})},
            start_new_session=True,
        )

    @property
    def said(self) -> str:
        return Path(self._log.name).read_text(encoding="utf-8")

    def wait_for(self, words: str, limit_s: float = START_S) -> None:
        """Until it has said that, from now on or before."""
        end_s = time.monotonic() + limit_s
        while words not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end_s, f"it never said {words!r}: {self.said}"
            time.sleep(0.1)

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


@contextmanager
def up(
    content: dict[str, Any], *flags: str, on: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> Iterator[Spoken]:
    """`antiphon-ray up` with these engines; `on`: the command that runs a command on another machine."""
    with tempfile.TemporaryDirectory(prefix="ar", dir="/tmp", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "engines.yaml"
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        command = [*on, sys.executable, "-m", "antiphon_ray.cli.main", "up", str(file), "--temp-dir", folder, *flags]
        running = Spoken(command, variables)
        try:
            yield running
        finally:
            if not running._log.closed:
                running.end()


@contextmanager
def joined(address: str, host: str, cpus: int, on: Sequence[str]) -> Iterator[Spoken]:
    """A further machine of the Ray at that address."""
    with tempfile.TemporaryDirectory(prefix="ar", dir="/tmp", ignore_cleanup_errors=True) as folder:
        command = [
            *on, sys.executable, "-m", "ray.scripts.scripts", "start", "--block", f"--address={address}",
            f"--node-ip-address={host}", f"--num-cpus={cpus}", f"--temp-dir={folder}", "--object-store-memory=80000000",
            "--disable-usage-stats",
        ]  # fmt: skip
        running = Spoken(command)
        try:
            running.wait_for("Ray runtime started")
            yield running
        finally:
            running.end(signal.SIGTERM)
