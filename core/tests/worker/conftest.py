"""What tests of the worker share: the scripted engine, installed as an adapter is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from worker import scripted
from worker.installing import install


@pytest.fixture(autouse=True)
def fresh_engine() -> Iterator[None]:
    """Every test begins with an engine that has done nothing, frees what it hung, and leaves no thread behind."""
    scripted.log.clear()
    scripted.let_go.clear()
    yield
    scripted.let_go.set()
    for thread in threading.enumerate():
        if thread.name.startswith(("speak-", "unload-", "list-models")):
            thread.join(5)
            assert not thread.is_alive(), f"{thread.name} was left behind"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an environment in which the scripted adapter is installed."""
    folder = tmp_path / "site"
    install(folder, "scripted", "worker.scripted")
    monkeypatch.syspath_prepend(folder)
    return folder
