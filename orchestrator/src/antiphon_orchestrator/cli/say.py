"""`antiphon say`: a text spoken into a file by a running server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from antiphon_orchestrator.cli.remote import add_remote_flags, check, reaching

_FORMATS = {
    ".wav": "wav",
    ".mp3": "mp3",
    ".opus": "opus",
    ".ogg": "opus",
    ".flac": "flac",
    ".aac": "aac",
    ".pcm": "pcm",
}


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="antiphon say", description="Speaks a text into a file, by a running server.")
    parser.add_argument("text", nargs="*", help="what to say (else it is read from standard input)")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("say.wav"), help="its ending chooses the format (default: say.wav)"
    )
    parser.add_argument("--voice", default="", help="MODEL/VOICE or MODEL; `antiphon voices` lists them")
    parser.add_argument("--speed", type=float, default=1.0, help="2 is twice as fast")
    add_remote_flags(parser)
    arguments = parser.parse_args(argv)
    kind = _FORMATS.get(arguments.out.suffix.lower())
    if kind is None:
        parser.error(f"{arguments.out}: the ending must be one of {', '.join(_FORMATS)}")
    text = " ".join(arguments.text) or sys.stdin.read()
    body = {"input": text, "voice": arguments.voice, "speed": arguments.speed, "response_format": kind}
    with (
        reaching(arguments.server, arguments.key, arguments.ca) as client,
        client.stream("POST", "/v1/audio/speech", json=body) as answer,
    ):
        check(answer)
        with arguments.out.open("wb") as file:
            for data in answer.iter_bytes():
                file.write(data)
    print(f"{arguments.out}")
    return 0
