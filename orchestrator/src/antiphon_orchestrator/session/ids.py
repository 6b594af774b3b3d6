"""Fresh names for what a session makes."""

from __future__ import annotations

import secrets


def new_id(prefix: str) -> str:
    """A name nobody used before, such as `item_8f3a...`."""
    return f"{prefix}_{secrets.token_hex(10)}"
