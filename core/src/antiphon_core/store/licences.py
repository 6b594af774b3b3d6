"""Whether a deployment's allow-list permits a licence."""

from __future__ import annotations

import re
from collections.abc import Collection


def permits(allowed: Collection[str] | None, expression: str) -> bool:
    """Whether an SPDX expression may be used; `None` allows everything.

    Of licences joined by OR one must be allowed, of those joined by AND all (AND binds tighter; no parentheses).
    "GPL-2.0-only WITH Classpath-exception-2.0" is one licence, allowed by that name only.
    """
    if allowed is None:
        return True
    known = {name.casefold() for name in allowed}
    return any(
        all(part.strip().casefold() in known for part in re.split(r"\s+AND\s+", choice))
        for choice in re.split(r"\s+OR\s+", expression)
    )
