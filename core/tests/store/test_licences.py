from __future__ import annotations

import pytest
from antiphon_core.store.licences import permits


@pytest.mark.parametrize(
    ("expression", "permitted"),
    [
        ("MIT", True),
        ("mit", True),
        ("GPL-3.0-or-later", False),
        ("GPL-3.0-or-later OR MIT", True),
        ("GPL-3.0-or-later AND MIT", False),
        ("Apache-2.0 AND MIT", True),
        ("GPL-2.0-only OR Apache-2.0 AND MIT", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
    ],
)
def test_of_alternatives_one_must_be_allowed_and_of_a_sum_all(expression: str, permitted: bool) -> None:
    assert permits({"MIT", "Apache-2.0"}, expression) == permitted


def test_no_list_allows_everything() -> None:
    assert permits(None, "LicenseRef-proprietary")
