"""The `antiphon` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from antiphon_core.errors import AntiphonError, BadSettings

_COMMANDS = {
    "up": "everything on this machine: the server and its speech workers; ends with Ctrl-C",
    "serve": "the server alone; speech workers run elsewhere",
    "say": "speak a text into a file",
    "talk": "hold a turn with a running server: stream a recording, keep the answer",
    "demo": "let the machine be interviewed; keep the recording, the events and a picture",
    "voices": "list what a running server can speak with",
    "top": "watch a running server: conversations, latencies, workers",
    "route": "show which worker would speak, and why each of the others would not",
    "models": "list, fetch, check and remove the models that listen and think",
    "env": "give engines environments of their own: add, list, check, remove",
    "tls": "make certificates for workers, the server and its callers",
    "new-adapter": "write the project of a new engine's plug-in",
}


def parser() -> argparse.ArgumentParser:
    """The whole command line. Each command's module is imported only when it is asked for."""
    top = argparse.ArgumentParser(
        prog="antiphon",
        description="A self-hosted, real-time, full-duplex voice server.",
        epilog="See `antiphon COMMAND --help`.",
    )
    top.add_argument("command", choices=_COMMANDS, metavar="COMMAND", help="one of: " + ", ".join(_COMMANDS))
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; mistakes are one line on standard error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    name = parser().parse_args(arguments[:1]).command
    try:
        command = import_module(f"antiphon_orchestrator.cli.{name.replace('-', '_')}")
        return int(command.main(arguments[1:]))
    except BadSettings as error:
        print(f"antiphon {name}: {error.message}", file=sys.stderr)
        return 2
    except (AntiphonError, ConnectionError) as error:
        print(f"antiphon {name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _overview() -> str:
    width = max(map(len, _COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, what in _COMMANDS.items()]
    return "\n".join(
        ["usage: antiphon COMMAND [...]", "", "A self-hosted, real-time, full-duplex voice server.", "", *lines, "",
         "`antiphon COMMAND --help` tells the rest."]
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
