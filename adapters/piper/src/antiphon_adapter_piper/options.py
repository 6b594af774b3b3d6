"""The engine's options: how lively a voice speaks, and whether its words are marked."""

from __future__ import annotations

import math
from collections.abc import Mapping

from antiphon_core.errors import BadRequest

TIMINGS = "timings"
SCALES = ("noise_scale", "noise_w_scale")
MAX_SCALE = 2.0
_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


def wants_timings(options: Mapping[str, str]) -> bool:
    """Whether models shall tell where their words begin; the operator's choice, made for all of them."""
    written = options.get(TIMINGS, "on").lower()
    if written not in _SWITCH:
        raise BadRequest(f"option {TIMINGS} is {written!r}; it is on or off", subject=TIMINGS, allowed=("on", "off"))
    return _SWITCH[written]


def scales(options: Mapping[str, str]) -> dict[str, float]:
    """The noise that is set: `noise_scale` for the sound, `noise_w_scale` for the lengths of sounds."""
    return {name: _scale(name, options[name]) for name in SCALES if name in options}


def _scale(name: str, written: str) -> float:
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MAX_SCALE:
        raise BadRequest(f"option {name} is {written!r}; it is a number from 0 to {MAX_SCALE:g}", subject=name)
    return value
