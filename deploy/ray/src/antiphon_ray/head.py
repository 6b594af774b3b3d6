"""Head: a Ray of our own on this machine, which other machines may join, for as long as its block runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from antiphon_core.errors import BadSettings, CannotLoad

from antiphon_ray.leash import LEASHED

_START = f"""{LEASHED}
import sys
from ray.scripts.scripts import main
sys.argv.insert(1, "start")
main()
"""
_STARTED = "Ray runtime started"
_START_S = 300.0
_END_S = 30.0
_LOOK_S = 0.5
_REACH_S = 5.0
_OBJECTS_BYTES = 80_000_000
"""Ray's store for objects, as small as it may be: speech does not go through it."""

QUICK_TO_NOTICE = {
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}
"""A machine that is cut off is given up after about four seconds. By default it takes half a minute."""

_ENDS_AT_ONCE = {"RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}
"""Workers end on their own. Ray would wait for half a minute, to no end."""

TOKEN = "RAY_AUTH_TOKEN"
_TOKEN_FILE = "RAY_AUTH_TOKEN_PATH"
_MODE = "RAY_AUTH_MODE"


def require_token() -> Path | None:
    """Only who has the token is let in. Makes one unless there is one; its file, if it is in one."""
    os.environ.setdefault(_MODE, "token")
    if os.environ[_MODE] != "token" or os.environ.get(TOKEN):
        return None
    file = _token_file()
    if not file.exists() and not os.environ.get(_TOKEN_FILE):
        command = [sys.executable, "-m", "ray.scripts.scripts", "get-auth-token", "--generate"]
        subprocess.run(command, check=True, capture_output=True)
    return file


def offer_token() -> None:
    """To a Ray of somebody else, if there is one here, as `ray start` does. One that lets everybody in ignores it."""
    if os.environ.get(TOKEN) or _token_file().exists():
        os.environ.setdefault(_MODE, "token")


def _token_file() -> Path:
    return Path(os.environ.get(_TOKEN_FILE) or Path.home() / ".ray/auth_token")


def require_listener(address: str) -> None:
    """Raises unless somebody listens there; Ray itself would try for minutes before it says that nobody does."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise BadSettings(f"--address is {address!r}; it is HOST:PORT, such as 10.0.0.5:6379", subject="address")
    try:
        socket.create_connection((host, int(port)), _REACH_S).close()
    except OSError as error:
        raise CannotLoad(
            f"no Ray answers at {address}: {error.strerror or error}; start one with `ray start --head`, or leave "
            "--address out",
            subject=address,
        ) from None


@contextmanager
def head(host: str, port: int, *flags: str) -> Iterator[str]:
    """The address at which it is joined. `flags` are Ray's own, about this machine."""
    command = [
        sys.executable, "-c", _START, "--head", "--block", f"--node-ip-address={host}", f"--port={port}",
        f"--object-store-memory={_OBJECTS_BYTES}", "--include-dashboard=false", "--disable-usage-stats", *flags,
    ]  # fmt: skip
    with tempfile.TemporaryFile("w+") as log:
        # A session of its own, so that Ctrl-C reaches us alone, and workers may finish before Ray goes.
        variables = {**QUICK_TO_NOTICE, **_ENDS_AT_ONCE, **os.environ}
        process = subprocess.Popen(
            command, env=variables, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait(process, log)
            yield f"{host}:{port}"
        finally:
            end(process)


def _wait(process: subprocess.Popen[bytes], log: IO[str]) -> None:
    end_s = time.monotonic() + _START_S
    while time.monotonic() < end_s:
        ended = process.poll() is not None
        log.seek(0)
        said = log.read()
        if _STARTED in said and not ended:
            return
        if ended:
            raise CannotLoad(f"Ray did not start: {_complaint(said)}")
        time.sleep(_LOOK_S)
    raise CannotLoad(f"Ray did not start within {_START_S:g} s")


def _complaint(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "it says nothing"


def end(process: subprocess.Popen[bytes]) -> None:
    """A Ray that runs in the foreground takes its processes with it."""
    assert process.stdin is not None, "the leash"
    process.stdin.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
