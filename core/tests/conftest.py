"""Puts this folder on the import path, for the helpers of the tests below it; and lets `--forked` work here."""

from __future__ import annotations

from typing import Any

import pytest


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("forked", default=False):
        _send_node_ids_as_text()
        # Its children leave the files open that stand in for their standard streams.
        leak = "ignore:Exception ignored in. <_io.FileIO name=.*/std(out|err):pytest.PytestUnraisableExceptionWarning"
        config.addinivalue_line("filterwarnings", leak)


def _send_node_ids_as_text() -> None:
    """pytest 9.2 keeps a report's node id as an object; pytest-forked 1.7 cannot send that from its children."""
    import pytest_forked  # type: ignore[import-untyped]

    plain = pytest_forked.serialize_report

    def serialize(report: pytest.TestReport) -> dict[str, Any]:
        sent = dict(plain(report))
        if "_id" in sent:
            sent["nodeid"] = str(sent.pop("_id"))
        return sent

    pytest_forked.serialize_report = serialize
