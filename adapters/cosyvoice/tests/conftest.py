"""The packs that tests load: the small random one, or the operator's own, with real weights."""

from __future__ import annotations

import pytest

TIMEOUT_S = 120
"""The engine's packages alone take longer to import than a whole test may take elsewhere."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
