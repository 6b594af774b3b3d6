"""The documents' tables of settings are those of the classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.settings_table import documents, written_anew


def test_there_is_a_table_for_the_server() -> None:
    assert "server.md" in {path.name for path in documents()}


@pytest.mark.parametrize("path", list(documents()), ids=lambda path: path.name)
def test_the_table_is_as_the_settings_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == written_anew(text), "run `python -m tools.settings_table` in the workspace's environment"
