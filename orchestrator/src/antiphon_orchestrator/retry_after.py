"""When a busy server wants to be asked again."""

from __future__ import annotations

from collections.abc import Mapping


def retry_after_ms(headers: Mapping[str, str], default_ms: int = 0) -> int:
    """`default_ms` where the server says nothing, or gives a date: nobody on the line waits that long."""
    for name, scale in (("retry-after-ms", 1.0), ("retry-after", 1000.0)):
        try:
            return max(0, int(float(headers[name]) * scale))
        except (KeyError, ValueError, OverflowError):
            continue
    return default_ms
