"""What is kept beyond one connection, for a while: client secrets, and conversations that can be resumed."""

from __future__ import annotations

import hashlib
from typing import Protocol

from antiphon_core.errors import AntiphonError


class KeepGone(AntiphonError):
    """What is kept cannot be reached just now."""


class Keep(Protocol):
    """Texts by key, each with a time to live and a holder. Every call is bounded in time and may raise KeepGone."""

    async def put(self, key: str, holder: str, text: str, ttl_s: float) -> bool:
        """Keeps a text, in place of the one before. False, and nothing is changed, if somebody else holds the key."""
        ...

    async def take(self, key: str, holder: str) -> str | None:
        """What is kept, which `holder` holds from now on; None if there is nothing (any more)."""
        ...

    async def forget(self, key: str) -> None:
        """Keeps it no longer."""
        ...

    async def aclose(self) -> None:
        """Frees connections."""
        ...


def hashed(secret: str) -> str:
    """The key under which something is kept that a secret opens: whoever reads the keys learns no secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
