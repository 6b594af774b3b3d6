"""Garbage: what was loaded in order to stay is not searched for any."""

from __future__ import annotations

import gc


def spare_what_is_loaded() -> None:
    """From now on. Searching a model's and its libraries' many objects would stop everything for a tenth of a second,
    now and then."""
    gc.collect()
    gc.freeze()
