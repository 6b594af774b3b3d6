"""Finding the plug-in under test, by its name or by where it lies."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from antiphon_core.hookspecs import ENTRY_POINT_GROUP, PROJECT, TTSAdapter


def find_entry_point(adapter: str) -> EntryPoint:
    """An installed adapter's entry point, or one made up for `package.module` or `module:object`."""
    if "." in adapter or ":" in adapter:
        return EntryPoint(adapter, adapter, ENTRY_POINT_GROUP)
    points = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if adapter not in points:
        raise LookupError(
            f"no adapter {adapter!r} is installed here; there are: {', '.join(points) or 'none'}. Run "
            f"`pip install -e .` in the adapter's folder; its entry point belongs in {ENTRY_POINT_GROUP!r}"
        )
    return points[adapter]


def load_plugin(adapter: str) -> Any:
    """The plug-in itself: most often a module."""
    return find_entry_point(adapter).load()


def manager_of(plugin: Any) -> pluggy.PluginManager:
    """A manager that holds this plug-in alone, not yet checked for hooks that nobody specified."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(TTSAdapter)
    manager.register(plugin)
    return manager
