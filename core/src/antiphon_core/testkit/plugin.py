"""The pytest plug-in of the conformance kit. Imports nothing of core until a check runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from antiphon_core.testkit.subject import Subject

LOOSENED = "antiphon_loosened"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("antiphon", "conformance of Antiphon's speech adapters")
    group.addoption(
        "--antiphon-adapter", metavar="NAME", default="", help="check this adapter (and only it, if no test is named)"
    )
    group.addoption("--antiphon-model", metavar="ID", default="", help="the model to check (default: the first)")
    group.addoption("--antiphon-device", metavar="DEVICE", default="cpu", help="where to load it: cpu, cuda:0")


def pytest_configure(config: pytest.Config) -> None:
    adapter = config.getoption("--antiphon-adapter")
    if not adapter:
        return
    from antiphon_core.testkit import by_option

    by_option.TestAdapter.adapter = adapter
    by_option.TestAdapter.model = config.getoption("--antiphon-model")
    by_option.TestAdapter.device = config.getoption("--antiphon-device")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args.clear()
    config.args.append(str(Path(by_option.__file__)))


@pytest.fixture(scope="class")
def antiphon_subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """The adapter that a conformance class names."""
    from antiphon_core.testkit.subject import Subject

    subject = Subject(request.cls)
    yield subject
    subject.release()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    lines = [text for report in reports for name, text in report.user_properties if name == LOOSENED]
    if lines:
        terminalreporter.section("antiphon: limits looser than the standard's")
        for line in lines:
            terminalreporter.write_line(line)
