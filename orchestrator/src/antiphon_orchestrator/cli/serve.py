"""`antiphon serve`: the server alone."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import uvloop
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.live import LiveSettings
from antiphon_core.logs import set_up_logs

from antiphon_orchestrator.cli.listening import address_of, listening_socket
from antiphon_orchestrator.processes.parent import Parent
from antiphon_orchestrator.settings import ServerSettings


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="antiphon serve", description="The server; speech workers run elsewhere.")
    add_flags(parser, ServerSettings)
    flags = given_flags(parser.parse_args(argv), ServerSettings)
    live = LiveSettings(ServerSettings, flags)
    set_up_logs(live.now.log_level, live.now.log_format)
    with listening_socket(live.now) as bound:
        if live.now.processes == 1:
            return uvloop.run(_alone(live, bound))
        return uvloop.run(_several(live, flags, bound))


async def _alone(live: LiveSettings[ServerSettings], bound: socket.socket) -> int:
    # What conversations need is imported in the processes that hold some, not in one that only starts them.
    from antiphon_orchestrator.app import Server
    from antiphon_orchestrator.cli.serving import serve

    await serve(Server(live), bound, _welcome)
    return 0


async def _several(live: LiveSettings[ServerSettings], flags: Mapping[str, Any], bound: socket.socket) -> int:
    address = address_of(bound, live.now)
    return await Parent(live, flags, bound, lambda: _tell_ready(address)).run()


async def _welcome(address: str) -> None:
    _tell_ready(address)


def _tell_ready(address: str) -> None:
    print(f"antiphon: ready at {address}", flush=True)
