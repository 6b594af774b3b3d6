"""What CI reports is what tox and pytest said."""

from __future__ import annotations

import os

from tools.ci import TEST_COMMAND, Tally, run
from tools.projects import ROOT

PASSED = """\
lint: commands[0]> ruff check
core: commands[0]> coverage run -m pytest
============================= 13 passed, 1 skipped in 1.12s ==============================
  lint: OK (0.97 seconds)
  core: OK (7.42 seconds)
"""
FAILED = """\
core: commands[0]> coverage run -m pytest
FAILED tests/test_audio.py::test_a_frame_is_20_ms - assert 1 == 2
=================== 1 failed, 12 passed in 1.12s ===================
  core: FAIL code 1 (7.42 seconds)
"""
UNCOVERED = """\
core: commands[0]> coverage run -m pytest
============================== 13 passed in 1.12s ==============================
core: commands[1]> coverage report
  core: FAIL code 2 (7.42 seconds)
"""


def tally_of(output: str) -> Tally:
    tally = Tally()
    for line in output.splitlines():
        tally.read(line)
    return tally


def test_tests_are_counted_and_an_environment_without_tests_counts_itself() -> None:
    tally = tally_of(PASSED)
    assert tally.failures == []
    assert tally.summary(60).endswith("=== 14 passed, 1 skipped in 60.00s ===")


def test_a_failed_test_is_named() -> None:
    tally = tally_of(FAILED)
    assert tally.failures == ["FAILED tests/test_audio.py::test_a_frame_is_20_ms - assert 1 == 2"]
    assert tally.summary(60).endswith("=== 1 failed, 12 passed in 60.00s ===")


def test_an_environment_that_fails_although_its_tests_pass_is_a_failure() -> None:
    tally = tally_of(UNCOVERED)
    assert tally.failures == ["FAILED tox::core"]
    assert tally.counts["failed"] == 1


def test_a_command_that_takes_too_long_is_cut_short() -> None:
    status, cut = run("echo begun; sleep 30", os.environ["PATH"], Tally(), limit_s=0.2)
    assert cut
    assert status != 0


def test_the_readme_gives_the_command_that_ci_runs() -> None:
    assert TEST_COMMAND in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
