from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from antiphon_core.store import Store
from antiphon_core.store.sources import http
from store.world import Shown, WebServer


@pytest.fixture(autouse=True)
def _own_world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, no pip configuration, no index and no pause: a test says what there is; slow ones use what is real."""
    if request.node.get_closest_marker("slow"):
        return
    for name in [name for name in os.environ if name.startswith(("PIP_", "HF_", "ANTIPHON_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setattr(http, "PAUSE_S", 0)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture
def shown() -> Shown:
    return Shown()


@pytest.fixture
def store(tmp_path: Path, shown: Shown) -> Store:
    return Store(tmp_path / "models", progress=shown)
