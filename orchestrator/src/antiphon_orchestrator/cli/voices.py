"""`antiphon voices`: what a running server can speak with."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from antiphon_orchestrator.cli.remote import add_remote_flags, check, reaching


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="antiphon voices", description="Lists what a running server can speak with.")
    add_remote_flags(parser)
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args(argv)
    with reaching(arguments.server, arguments.key, arguments.ca) as client:
        answer = client.get("/v1/voices")
        check(answer)
    voices = answer.json()["data"]
    if arguments.json:
        print(json.dumps(voices, indent=2))
        return 0
    rows = [("VOICE", "ENGINE", "LANGUAGES", "LICENCE", "LOADED", "")]
    rows += [
        (
            v["id"],
            v["engine"],
            ",".join(v["languages"]),
            v["licence"],
            "yes" if v["resident"] else "no",
            v["description"],
        )
        for v in voices
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)) + "  " + row[5])
    return 0
