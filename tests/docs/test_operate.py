"""docs/operate.md: its metrics are those that a worker serves, its commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from antiphon_core.worker import main, say

PAGE = (Path(__file__).parents[2] / "docs" / "operate.md").read_text(encoding="utf-8")
LINES = [line.strip().split("  ")[0] for line in PAGE.splitlines() if line.startswith("    ")]


def served(tmp_path: Path) -> dict[str, set[str]]:
    """The metrics of a real worker that has spoken, each with its labels."""
    log = tmp_path / "worker.log"
    command = [sys.executable, "-m", "antiphon_core.worker.main", "--adapter", "tone", "--model", "tone"]
    with log.open("w") as out:
        process = subprocess.Popen([*command, "--port", "0", "--metrics-port", "0"], stderr=out)
    try:
        addresses: dict[str, str] = {}
        while "ready" not in addresses:
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)
            found = re.findall(r'"address": "([^"]+)".*"event": "(\w+)"', log.read_text())
            addresses = {event: address for address, event in found}
        assert say.main(["--worker", addresses["ready"], "--out", str(tmp_path / "said.wav"), "good morning"]) == 0
        with urllib.request.urlopen(f"http://{addresses['metrics']}/metrics") as response:
            page = response.read().decode()
    finally:
        process.terminate()
        process.wait()
    metrics: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(antiphon_\w+?)(?:_bucket|_sum|_count)?(?:{(.*?)})? ", page, re.MULTILINE):
        if not name.endswith("_created"):
            metrics.setdefault(name, set()).update(set(re.findall(r'(\w+)="', labels)) - {"le"})
    return metrics


def test_the_table_of_metrics_is_what_a_worker_serves(tmp_path: Path) -> None:
    rows = PAGE.split("\n| metric |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    told = {name.strip("`"): set(re.findall(r"`(\w+)`", labels)) for name, labels, _ in cells}
    real = served(tmp_path)
    assert {name: labels for name, labels in told.items() if name in real} == real
    # What nothing has happened of yet has no sample to show, nor have certificates that are not there.
    assert set(told) - set(real) == {"antiphon_worker_model_unloads_total", "antiphon_worker_certificate_left_seconds"}


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("worker --")])
def test_the_commands_are_understood(line: str) -> None:
    main._parser().parse_args(shlex.split(line)[1:])


def test_the_page_shows_commands() -> None:
    assert sum(line.startswith(("worker", "ANTIPHON_WORKER_")) for line in LINES) >= 5


def test_exit_statuses_are_those_of_the_command() -> None:
    from antiphon_core.worker.app import EXIT_STALLED

    rows = PAGE.split("\n| exit status |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    told = [int(row.strip("|").split("|")[0]) for row in rows]
    assert told == [0, main.EXIT_FAILED, main.EXIT_BAD_SETTINGS, EXIT_STALLED]
