"""`antiphon up`: the server and its speech workers on this machine, together."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import uvloop
from antiphon_core.errors import BadSettings, CannotLoad
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.live import LiveSettings
from antiphon_core.logs import set_up_logs

from antiphon_orchestrator.app import Server
from antiphon_orchestrator.cli.listening import listening_socket
from antiphon_orchestrator.cli.serving import serve
from antiphon_orchestrator.environments.hosts import python_of
from antiphon_orchestrator.environments.trial import own_variables
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
        help=f"engine to speak with, from its own environment if it has one; may be given again "
        f"(default: {DEFAULT_ADAPTER})",
    )
    parser.add_argument(
        "--worker-config",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="YAML file with the settings of that engine's worker; may be given again",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads an utterance may use (default: 1)")
    add_flags(parser, ServerSettings, leave_out=("registry", "processes"))
    arguments = parser.parse_args(argv)
    flags = given_flags(arguments, ServerSettings)
    adapters = arguments.adapter or [DEFAULT_ADAPTER]
    configs = _configs(arguments.worker_config, adapters)
    ports = [_free_port() for _ in adapters]
    flags["registry"] = "static://" + ",".join(map(_address, ports))
    flags.setdefault("log_format", "console")
    flags.setdefault("log_level", "warning")
    live = LiveSettings(ServerSettings, flags)
    if live.now.processes > 1:
        raise BadSettings(
            "processes is more than 1: antiphon up runs one; antiphon serve runs several", subject="processes"
        )
    threads = ("--threads", str(arguments.threads)) if arguments.threads else ()
    engines = zip(adapters, ports, strict=True)
    workers = [Worker(name, port, *threads, *configs.get(name, ())) for name, port in engines]
    set_up_logs(live.now.log_level, live.now.log_format)
    with listening_socket(live.now) as bound:
        return uvloop.run(_up(live, bound, workers))


class Worker:
    """One engine's process, started again when it dies."""

    def __init__(self, adapter: str, port: int, *flags: str) -> None:
        self.adapter = adapter
        self.address = _address(port)
        self.has_served = False
        python = str(python_of(adapter))
        self._variables = None if python == sys.executable else own_variables()
        self._command = (
            python, "-m", "antiphon_core.worker.main", "--adapter", adapter, "--port", str(port),
            "--log-format", "console", "--log-level", "warning", *flags,
        )  # fmt: skip

    async def run(self) -> None:
        """Until cancelled. What never served, or ends right after its start, gets no better by starting it again."""
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            process = await asyncio.create_subprocess_exec(
                *self._command, env=self._variables, start_new_session=True, preexec_fn=_end_with_parent
            )
            try:
                status = await process.wait()
            finally:
                await _end(process)
            if not self.has_served or loop.time() - began_s < _SOON_S:
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

    async def meet(worker: Worker) -> None:
        await server.complete([worker.address])
        worker.has_served = True

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(part(worker)) for worker in workers for part in (keep, meet)]
        engines = {worker.address: worker.adapter for worker in workers}
        await serve(server, bound, lambda address: welcome(server, engines, address))
        for task in running:
            task.cancel()
    for failure in failures:
        print(f"antiphon up: {failure}", file=sys.stderr)
    return 1 if failures else 0


async def welcome(server: Server, engines: Mapping[str, str], address: str) -> None:
    """Says when every worker is there; `engines` names each by its address. Until the last has loaded, others speak."""
    if absent := server.absent(engines):
        loading = ", ".join(engine for worker, engine in engines.items() if worker in absent)
        print(f"Antiphon answers at {address} already; still loading: {loading}", flush=True)
    await server.complete(engines)
    print(f"Antiphon is ready: {address}  (Ctrl-C ends it)", flush=True)


def _configs(given: Sequence[str], adapters: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The flag that gives each engine's worker its file."""
    configs = {}
    for name, _, file in (each.partition("=") for each in given):
        if name not in adapters or not Path(file).is_file():
            wrong = f"there is no file {file!r}" if name in adapters else f"there is no --adapter {name}"
            raise BadSettings(f"--worker-config takes NAME=FILE for an engine that is run; {wrong}", subject=name)
        configs[name] = ("--config", file)
    return configs


def _address(port: int) -> str:
    return f"127.0.0.1:{port}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
