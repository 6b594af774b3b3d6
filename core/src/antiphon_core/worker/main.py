"""The `worker` command."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from antiphon_core.errors import AntiphonError, BadSettings
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.settings import read_settings
from antiphon_core.worker.app import App
from antiphon_core.worker.files import NoFiles
from antiphon_core.worker.plugins import load_adapter
from antiphon_core.worker.settings import WorkerSettings


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="worker", description="Serves one speech engine over gRPC.")
    add_flags(parser, WorkerSettings)
    arguments = parser.parse_args(argv)
    try:
        settings = read_settings(WorkerSettings, given_flags(arguments, WorkerSettings))
        return asyncio.run(_serve(settings))
    except BadSettings as error:
        print(f"worker: {error.message}", file=sys.stderr)
        return 2
    except AntiphonError as error:
        print(f"worker: {error.message}", file=sys.stderr)
        return 1


async def _serve(settings: WorkerSettings) -> int:
    return await App(settings, load_adapter(settings.adapter), NoFiles()).run()


if __name__ == "__main__":
    sys.exit(main())
