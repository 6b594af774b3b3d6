"""How a check says no: what was seen, what is allowed, what to do."""

from __future__ import annotations

from typing import NoReturn

import pytest


def refuse(seen: str, do: str) -> NoReturn:
    """Fails the running check, without a traceback through the kit."""
    __tracebackhide__ = True
    pytest.fail(f"{seen}\n  What to do: {do}", pytrace=False)


def described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
