"""Which Python runs an engine's worker: our own where its adapter is installed here, else its environment's."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path

from antiphon_orchestrator.environments.errors import NoEnvironment
from antiphon_orchestrator.environments.place import Place, environments_root, places
from antiphon_orchestrator.environments.sources import ADAPTER_GROUP, checkout, engines_of


def python_of(engine: str) -> Path:
    """Raises NoEnvironment, with what there is and what to do, if nothing here can run it."""
    own = entry_points(group=ADAPTER_GROUP).names
    if engine in own:
        return Path(sys.executable)
    root = environments_root()
    place = Place(root, engine)
    if place.record() is None:
        there = sorted({*own, *(each.engine for each in places(root) if each.record())})
        raise NoEnvironment(_nowhere(engine, there), subject=engine, allowed=there)
    if not place.python.exists():
        raise NoEnvironment(
            f"the environment of {engine} has lost its Python; make it anew: antiphon env add {engine}", subject=engine
        )
    return place.python


def _nowhere(engine: str, there: list[str]) -> str:
    house = checkout()
    known = engine in there or house is None or engine in engines_of(house)
    remedy = f"`antiphon env add {engine}` gives it an environment of its own" if known else "check its name"
    return f"no engine {engine!r} can run here; {remedy}. Engines that can: {', '.join(there) or 'none'}"
