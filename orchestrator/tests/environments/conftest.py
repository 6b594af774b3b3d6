"""A folder of wheels with a small engine in it, and a place for environments; no test asks a package index."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments.shop import Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("ANTIPHON_ENVIRONMENTS", str(tmp_path / "environments"))
    return Shop.filled(folder)
