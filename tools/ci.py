"""Runs the README's test command in a fresh virtual environment, then the heavier environments while time is left.

Prints everything as it comes and sums up as pytest does; exits with 1 if anything failed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections import Counter
from pathlib import Path

from tools.projects import ROOT

TEST_COMMAND = "python3 -m pip install tox && tox"
HEAVY: tuple[str, ...] = ("proto-matrix", "e2e", "kubernetes", "fleet")
"""Run in this order after the test command; the first that no longer fits is reported as skipped."""
BUDGET_S = 39 * 60
WORTH_STARTING_S = 60

ENV_BEGINS = re.compile(r"^([\w.-]+): (?:commands|install|recreate|remove|skipped)")
ENV_ENDS = re.compile(r"^  ([\w.-]+): (OK|FAIL|SKIP)")
TESTS_RAN = re.compile(r"^=+ (.*\d+ (?:passed|failed|skipped|error).*) in [\d.]+s.*=+$")
COUNT = re.compile(r"(\d+) (passed|failed|skipped|error)")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
KINDS = ("failed", "error", "passed", "skipped")


class Tally:
    """What tox and pytest said, line by line."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self._env = ""
        self._tests: dict[str, Counter[str]] = {}

    def read(self, line: str) -> None:
        """Take in one line of output."""
        if begins := ENV_BEGINS.match(line):
            self._env = begins[1]
        elif ran := TESTS_RAN.match(line):
            counts = self._tests.setdefault(self._env, Counter())
            counts.update({kind: int(number) for number, kind in COUNT.findall(ran[1])})
        elif line.startswith(("FAILED ", "ERROR ")) and "::" in line:
            self.failures.append(line)
        elif ends := ENV_ENDS.match(line):
            self._end(ends[1], ends[2])

    def fail(self, what: str) -> None:
        """Count one failure that no test stands for."""
        self.counts["failed"] += 1
        self.failures.append(f"FAILED {what}")

    def skip(self, what: str) -> str:
        """Count what was left out, and say so."""
        self.counts["skipped"] += 1
        return f"SKIPPED {what}"

    def summary(self, wall_s: float) -> str:
        """The last lines, as pytest writes them."""
        said = ", ".join(f"{self.counts[kind]} {kind}" for kind in KINDS if self.counts[kind]) or "nothing ran"
        return "\n".join(
            [" short test summary info ".center(80, "="), *self.failures, f"=== {said} in {wall_s:.2f}s ==="]
        )

    def _end(self, env: str, verdict: str) -> None:
        """Count the environment's tests; one that ran none, or failed with none failing, counts itself."""
        tests = self._tests.pop(env, Counter())
        self.counts += tests
        if verdict == "FAIL" and not tests["failed"] + tests["error"]:
            self.fail(f"tox::{env}")
        elif not tests:
            self.counts["skipped" if verdict == "SKIP" else "passed"] += 1


def run(command: str, path: str, tally: Tally, limit_s: float) -> tuple[int, bool]:
    """The command's exit status, and whether it was cut short."""
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=ROOT,
        # The limit of 20 s a test is for a machine at rest; one that runs CI often is not.
        env={**os.environ, "PATH": path, "PYTEST_TIMEOUT": "60"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    cut = threading.Event()

    def cut_short() -> None:
        cut.set()
        os.killpg(process.pid, signal.SIGTERM)

    timer = threading.Timer(limit_s, cut_short)
    timer.start()
    try:
        with process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                tally.read(COLOUR.sub("", line.rstrip("\n")))
    finally:
        timer.cancel()
    return process.returncode, cut.is_set()


def main() -> int:
    """Run everything that fits; 1 if anything failed or nothing ran."""
    started_s = time.monotonic()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        path = os.pathsep.join((str(Path(folder) / "bin"), os.environ["PATH"]))
        status, _ = run(TEST_COMMAND, path, tally, BUDGET_S)
        if status and not tally.failures:
            tally.fail(TEST_COMMAND)
        for env in HEAVY:
            left_s = BUDGET_S - (time.monotonic() - started_s)
            if left_s < WORTH_STARTING_S or run(f"tox -e {env}", path, tally, left_s)[1]:
                print(tally.skip(f"tox::{env} - no time left; run: tox -e {env}"))
    print(tally.summary(time.monotonic() - started_s))
    return int(bool(tally.failures) or not tally.counts["passed"])


if __name__ == "__main__":
    sys.exit(main())
