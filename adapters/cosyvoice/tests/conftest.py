"""How long tests of this engine may take."""

from __future__ import annotations

import os

import pytest

TIMEOUT_S = float(os.environ.get("PYTEST_TIMEOUT", "120"))
"""The engine's packages alone take longer to import than a whole test may take elsewhere."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
