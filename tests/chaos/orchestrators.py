"""A server as a process that can be ended and started again at its address, and says no more than its log."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from contextlib import suppress
from pathlib import Path

from antiphon_core.testkit.redis_server import free_port

DRAIN_S = 60.0
"""So long it waits for turns."""
_READY_S = 90.0
_HANGS_AFTER_S, _ENDS_WITHIN_S = 40.0, 90.0
"""One that has not ended by then is asked what it waits for; its log tells."""


class Orchestrator:
    """`antiphon serve` with scripted ears. `started`: how often."""

    def __init__(self, name: str, log: Path, *flags: str) -> None:
        self.name = name
        self.log = log
        self.started = 0
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._command = (
            sys.executable, str(Path(__file__).with_name("server.py")), "--port", str(port), "--log-format", "json",
            *flags,
        )  # fmt: skip
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None, "it was not started"
        return self._process.pid

    async def start(self) -> None:
        """Returns once it is ready."""
        self.started += 1
        with self.log.open("ab") as out:
            self._process = await create_subprocess_exec(*self._command, stdout=PIPE, stderr=out)
        assert self._process.stdout is not None
        async with asyncio.timeout(_READY_S):
            async for line in self._process.stdout:
                if line.decode().split()[1:2] == ["ready"]:
                    return
        raise RuntimeError(f"{self.name} ended before it was ready; see {self.log}")

    async def end(self) -> None:
        """As an upgrade does: it finishes turns, and sends its callers elsewhere."""
        assert self._process is not None, "it was not started"
        self._send(signal.SIGTERM)
        asking = asyncio.get_running_loop().call_later(_HANGS_AFTER_S, self._send, signal.SIGUSR1)
        try:
            async with asyncio.timeout(_ENDS_WITHIN_S):
                status = await self._process.wait()
        except TimeoutError:
            await self.kill()
            raise RuntimeError(
                f"{self.name} did not end within {_ENDS_WITHIN_S:.0f} s of SIGTERM; what it waited for is in {self.log}"
            ) from None
        finally:
            asking.cancel()
        if status:
            raise RuntimeError(f"{self.name} ended with {status} on SIGTERM; see {self.log}")

    async def kill(self) -> None:
        """Whatever became of it, it is gone then."""
        if self._process is not None:
            self._send(signal.SIGKILL)
            await self._process.wait()

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None, "it was not started"
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
