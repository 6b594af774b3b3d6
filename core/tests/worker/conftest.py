"""What tests of the worker share: the scripted engine, installed as an adapter is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import scripted
from installing import install


@pytest.fixture(autouse=True)
def fresh_engine() -> Iterator[None]:
    """Every test begins with an engine that has done nothing, and frees what it hung."""
    scripted.log.clear()
    scripted.let_go.clear()
    yield
    scripted.let_go.set()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an environment in which the scripted adapter is installed."""
    folder = tmp_path / "site"
    install(folder, "scripted", "scripted")
    monkeypatch.syspath_prepend(folder)
    return folder
