"""The `worker` command."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from antiphon_core.errors import AntiphonError, BadSettings
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.live import LiveSettings
from antiphon_core.logs import set_up_logs
from antiphon_core.worker.app import App
from antiphon_core.worker.check import check
from antiphon_core.worker.hosting import loader_for
from antiphon_core.worker.listing import list_adapters
from antiphon_core.worker.loop import run
from antiphon_core.worker.plugins import load_adapter
from antiphon_core.worker.settings import WorkerSettings

EXIT_FAILED = 1
EXIT_BAD_SETTINGS = 2


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    flags = given_flags(arguments, WorkerSettings)
    try:
        if arguments.list:
            list_adapters(flags)
            return 0
        return _run(flags, checking=arguments.check)
    except AntiphonError as error:
        print(f"worker: {error.message}", file=sys.stderr)
        return EXIT_BAD_SETTINGS if isinstance(error, BadSettings) else EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="worker",
        description="Hosts one speech engine and serves it over gRPC.",
        epilog="Every setting may also come from the environment (ANTIPHON_WORKER_PORT=50052) or from a YAML file "
        "(port: 50052). Flags win over the environment, the environment wins over the file.",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="list adapters, models and licences, and end")
    instead.add_argument("--check", action="store_true", help="load the model, speak a sentence, and end")
    add_flags(parser, WorkerSettings)
    return parser


def _run(flags: dict[str, Any], *, checking: bool) -> int:
    live = LiveSettings(WorkerSettings, flags)
    set_up_logs("warning" if checking else live.now.log_level, live.now.log_format)
    if checking:
        asyncio.run(check(load_adapter(live.now.adapter), live))
        return 0
    return run(_serve(live))


async def _serve(live: LiveSettings[WorkerSettings]) -> int:
    adapter = load_adapter(live.now.adapter)
    app = App(live, adapter, loader_for(adapter, live))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, app.signalled, number.name)
    status = await app.run()
    if not app.clean:
        # A thread that hangs in an engine could hang the interpreter's own end, too.
        logging.shutdown()
        os._exit(status)
    return status


if __name__ == "__main__":
    sys.exit(main())
