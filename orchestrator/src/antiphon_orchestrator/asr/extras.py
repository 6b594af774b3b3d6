"""Imports what an optional recogniser needs, or says how to get it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from antiphon_core.errors import CannotLoad


def import_extra(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise CannotLoad(
            f"the recogniser {extra} needs the package {module} ({error}); "
            f"install it: pip install 'antiphon-orchestrator[{extra}]'",
            subject=extra,
        ) from error
