"""`antiphon serve`: the server alone."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import uvloop
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.live import LiveSettings
from antiphon_core.logs import set_up_logs

from antiphon_orchestrator.cli.serving import host, listening_socket
from antiphon_orchestrator.settings import ServerSettings


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="antiphon serve", description="The server; speech workers run elsewhere.")
    add_flags(parser, ServerSettings)
    flags = given_flags(parser.parse_args(argv), ServerSettings)
    live = LiveSettings(ServerSettings, flags)
    set_up_logs(live.now.log_level, live.now.log_format)
    with listening_socket(live.now) as bound:
        return uvloop.run(host(live, flags, bound))
