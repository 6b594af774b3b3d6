"""`antiphon serve`: the server alone."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Sequence

import uvloop
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.settings import read_settings

from antiphon_orchestrator.app import Server
from antiphon_orchestrator.cli.serving import listening_socket, serve, set_up_logs
from antiphon_orchestrator.providers import model_files
from antiphon_orchestrator.settings import ServerSettings


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="antiphon serve", description="The server; speech workers run elsewhere.")
    add_flags(parser, ServerSettings)
    settings = read_settings(ServerSettings, given_flags(parser.parse_args(argv), ServerSettings))
    set_up_logs(settings)
    with listening_socket(settings) as bound:
        uvloop.run(_serve(settings, bound))
    return 0


async def _serve(settings: ServerSettings, bound: socket.socket) -> None:
    server = Server(settings, model_files(settings))
    await serve(server, bound, lambda address: print(f"antiphon: ready at {address}", flush=True))
