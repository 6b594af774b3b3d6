"""What authors of adapters test with. Imports lazily: pytest loads this package wherever core is installed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from antiphon_core.testkit.clock import VirtualClock as VirtualClock
    from antiphon_core.testkit.conformance import AdapterConformance as AdapterConformance
    from antiphon_core.testkit.files import FolderFiles as FolderFiles
    from antiphon_core.testkit.files import NoFiles as NoFiles
    from antiphon_core.testkit.loading import load_plugin as load_plugin
    from antiphon_core.testkit.subject import Subject as Subject

_HOMES = {
    "AdapterConformance": "conformance",
    "FolderFiles": "files",
    "NoFiles": "files",
    "Subject": "subject",
    "VirtualClock": "clock",
    "load_plugin": "loading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
