"""`antiphon top`: a running server at a glance, again and again: conversations, latencies, workers."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
from rich.console import Console
from rich.live import Live

from antiphon_orchestrator.cli.remote import add_remote_flags, check, reaching
from antiphon_orchestrator.cli.top_numbers import Picture, Reading, oldest_within, picture, read
from antiphon_orchestrator.cli.top_picture import drawn

_WINDOW_S = 60.0
_LIMIT_S = 5.0
_MOST_READINGS = 1_000


def main(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    server = arguments.server.rstrip("/")
    look = partial(_read, server, arguments.key, arguments.ca)
    if arguments.json or arguments.once or not sys.stdout.isatty():
        shown = picture(look(), None)
        if arguments.json:
            print(json.dumps(shown.as_json(), indent=2))
        else:
            Console().print(drawn(shown, server))
        return 0
    with suppress(KeyboardInterrupt):
        _watch(server, look, arguments.every)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="antiphon top",
        description="Shows a running server: who talks, how soon it answers, which workers speak. Ends with Ctrl-C. "
        "Latencies are those of the last minute; in a single picture, those since the server began.",
    )
    add_remote_flags(parser)
    parser.add_argument("--every", type=_seconds, default=1.0, metavar="S", help="seconds between looks (default: 1)")
    parser.add_argument("--once", action="store_true", help="one picture, and end; so it is, too, without a terminal")
    parser.add_argument("--json", action="store_true", help="one picture for programs")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 3_600:
        raise argparse.ArgumentTypeError("give 0.1 to 3600 seconds")
    return seconds


def _watch(server: str, look: Callable[[], Reading], every_s: float) -> None:
    """Until it is interrupted. A server that is away for a while is told, and waited for."""
    readings: deque[Reading] = deque([look()], _MOST_READINGS)
    shown = picture(readings[-1], None)
    with Live(drawn(shown, server), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(every_s)
            trouble = ""
            try:
                shown = _next(readings, look())
            except ConnectionError as error:
                trouble = str(error)
            live.update(drawn(shown, server, trouble), refresh=True)


def _next(readings: deque[Reading], now: Reading) -> Picture:
    before = oldest_within(readings, _WINDOW_S, now.at_s)
    readings.append(now)
    return picture(now, before)


def _read(server: str, key: str, ca: Path | None) -> Reading:
    with reaching(server, key, ca, _LIMIT_S) as client:
        metrics, health, workers = (_get(client, path) for path in ("/metrics", "/health", "/v1/workers"))
        return read(metrics.text, health.json(), workers.json()["data"], time.monotonic())


def _get(client: httpx.Client, path: str) -> httpx.Response:
    answer = client.get(path)
    check(answer)
    return answer
