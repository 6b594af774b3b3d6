"""`antiphon serve`: the server alone."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Sequence

import uvloop
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.live import LiveSettings
from antiphon_core.logs import set_up_logs

from antiphon_orchestrator.app import Server
from antiphon_orchestrator.cli.serving import listening_socket, serve
from antiphon_orchestrator.settings import ServerSettings


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="antiphon serve", description="The server; speech workers run elsewhere.")
    add_flags(parser, ServerSettings)
    live = LiveSettings(ServerSettings, given_flags(parser.parse_args(argv), ServerSettings))
    set_up_logs(live.now.log_level, live.now.log_format)
    with listening_socket(live.now) as bound:
        uvloop.run(_serve(live, bound))
    return 0


async def _serve(live: LiveSettings[ServerSettings], bound: socket.socket) -> None:
    await serve(Server(live), bound, _welcome)


async def _welcome(address: str) -> None:
    print(f"antiphon: ready at {address}", flush=True)
