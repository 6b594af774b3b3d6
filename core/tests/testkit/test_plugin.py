"""The pytest plug-in, as an author meets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from antiphon_core.testkit import by_option
from antiphon_core.testkit.standard import CHECKS

pytest_plugins = ["pytester"]
ROUNDS = 3
"""The check of twenty loads is four tests."""


@pytest.fixture(autouse=True)
def _as_found(monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    for name in ("adapter", "model", "device"):
        monkeypatch.setattr(by_option.TestAdapter, name, getattr(by_option.TestAdapter, name))


def test_loading_the_plugin_imports_nothing_of_core_but_what_every_import_does() -> None:
    code = (
        "import sys; from antiphon_core.testkit import plugin;"
        "print([m for m in sys.modules if m.startswith(('antiphon_core.', 'numpy')) and 'testkit' not in m])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['antiphon_core.privacy']"


def test_a_class_of_three_lines_runs_every_check(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from antiphon_core.testkit import AdapterConformance

        class TestSound(AdapterConformance):
            adapter = "sound_engine:sound"
        """
    )
    result = pytester.runpytest_inprocess("-q")
    result.assert_outcomes(passed=len(CHECKS) + ROUNDS)
    result.stdout.no_fnmatch_line("*looser*")


def test_the_option_checks_an_adapter_and_nothing_else(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other(): pass")
    result = pytester.runpytest_inprocess("--antiphon-adapter", "sound_engine:solo", "--antiphon-model", "sound", "-q")
    result.assert_outcomes(passed=len(CHECKS) + ROUNDS - 5, skipped=5)
    result.stdout.no_fnmatch_line("*test_other*")


def test_the_option_checks_an_adapter_beside_the_tests_that_are_named(pytester: pytest.Pytester) -> None:
    path = pytester.makepyfile("def test_other(): pass")
    result = pytester.runpytest_inprocess(
        "--antiphon-adapter=sound_engine:sound", "-q", str(path), "-k", "test_other or test_the_model_loads"
    )
    result.assert_outcomes(passed=2, deselected=len(CHECKS) + ROUNDS - 1)


def test_an_adapter_that_is_not_installed_fails_with_the_names_of_those_that_are(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--antiphon-adapter", "nosuch", "-q")
    result.assert_outcomes(passed=1, failed=1, skipped=len(CHECKS) + ROUNDS - 2)
    result.stdout.fnmatch_lines(["*no adapter 'nosuch' is installed here; there are: *"])


def test_the_report_shows_what_is_loosened(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from antiphon_core.testkit import AdapterConformance

        class TestSound(AdapterConformance):
            adapter = "sound_engine:sound"
            first_chunk_s = 3.0
            loosened = {"first_chunk_s": "it warms up its valves"}
        """
    )
    result = pytester.runpytest_inprocess("-q", "-k", "test_the_kit_is_whole")
    result.stdout.fnmatch_lines(
        ["*looser than the standard's*", "TestSound*first_chunk_s 3 instead of 1: it warms up its valves"]
    )


def test_a_run_without_adapters_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other(): pass")
    result = pytester.runpytest_subprocess("-q", "-W", "error")
    result.assert_outcomes(passed=1)


def test_the_suite_of_the_option_lies_in_the_package() -> None:
    assert Path(by_option.__file__).is_file()
