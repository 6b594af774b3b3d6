"""`antiphon up`: the server and its speech workers on this machine, together."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

import uvloop
from antiphon_core.errors import CannotLoad
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.live import LiveSettings
from antiphon_core.logs import set_up_logs

from antiphon_orchestrator.app import Server
from antiphon_orchestrator.cli.serving import listening_socket, serve
from antiphon_orchestrator.settings import DEFAULT_ADAPTER, ServerSettings

_PR_SET_PDEATHSIG = 1
_RESTART_S = 1.0
_END_S = 10.0
_SOON_S = 5.0


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="antiphon up", description="The server and its speech workers on this machine; ends with Ctrl-C."
    )
    parser.add_argument(
        "--adapter",
        action="append",
        metavar="NAME",
        help=f"engine to speak with; may be given again (default: {DEFAULT_ADAPTER})",
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads an utterance may use")
    add_flags(parser, ServerSettings, leave_out=("registry",))
    arguments = parser.parse_args(argv)
    flags = given_flags(arguments, ServerSettings)
    workers = [Worker(name, _free_port(), arguments.threads) for name in arguments.adapter or [DEFAULT_ADAPTER]]
    flags["registry"] = "static://" + ",".join(worker.address for worker in workers)
    flags.setdefault("log_format", "console")
    flags.setdefault("log_level", "warning")
    live = LiveSettings(ServerSettings, flags)
    set_up_logs(live.now.log_level, live.now.log_format)
    with listening_socket(live.now) as bound:
        return uvloop.run(_up(live, bound, workers))


class Worker:
    """One engine's process, started again when it dies."""

    def __init__(self, adapter: str, port: int, threads: int) -> None:
        self.adapter = adapter
        self.address = f"127.0.0.1:{port}"
        self._command = (
            sys.executable, "-m", "antiphon_core.worker.main", "--adapter", adapter, "--port", str(port),
            "--threads", str(threads), "--log-format", "console", "--log-level", "warning",
        )  # fmt: skip

    async def run(self) -> None:
        """Until cancelled. An engine that ends right after its start does not get better by starting it again."""
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            process = await asyncio.create_subprocess_exec(
                *self._command, start_new_session=True, preexec_fn=_end_with_parent
            )
            try:
                status = await process.wait()
            finally:
                await _end(process)
            if loop.time() - began_s < _SOON_S:
                raise CannotLoad(f"the worker of {self.adapter} ended with status {status}; see its words above")
            print(f"antiphon: the worker of {self.adapter} ended with status {status}; starting it again", flush=True)
            await asyncio.sleep(_RESTART_S)


def _end_with_parent() -> None:
    """A worker must not outlive a parent that was killed: Linux then ends it."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _up(live: LiveSettings[ServerSettings], bound: socket.socket, workers: Sequence[Worker]) -> int:
    server = Server(live)
    failures: list[str] = []

    async def keep(worker: Worker) -> None:
        try:
            await worker.run()
        except CannotLoad as error:
            failures.append(error.message)
            signal.raise_signal(signal.SIGINT)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(keep(worker)) for worker in workers]
        await serve(server, bound, _welcome)
        for task in running:
            task.cancel()
    for failure in failures:
        print(f"antiphon up: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _welcome(address: str) -> None:
    print(f"Antiphon is ready: {address}  (Ctrl-C ends it)", flush=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
