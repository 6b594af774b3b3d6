"""Lists an adapter's models in a process of its own, and reports the time and the imports that it took."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


def probe(job: dict[str, Any]) -> dict[str, Any]:
    """`imported` are top-level packages that came in with the plug-in and are not of the house."""
    sys.path[:] = job["path"]

    import numpy as np  # noqa: F401 # what an adapter may use for free
    import yaml  # noqa: F401

    from antiphon_core.models import AdapterSettings
    from antiphon_core.testkit.files import NoFiles
    from antiphon_core.testkit.loading import find_entry_point, manager_of

    settings = AdapterSettings(NoFiles(), job["options"], tuple(Path(folder) for folder in job["model_dirs"]))
    before = set(sys.modules)
    point = find_entry_point(job["adapter"])
    hook = manager_of(point.load()).hook.tts_list_models
    error, started_s = "", time.perf_counter()
    try:
        hook(settings=settings)
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    took_s = time.perf_counter() - started_s
    return {"listing_s": took_s, "imported": _foreign(before, point.module), "error": error}


def _foreign(before: set[str], own_module: str) -> list[str]:
    known = {*sys.stdlib_module_names, "antiphon_core", own_module.split(".")[0]}
    known |= {name.split(".")[0] for name in before}
    return sorted({name.split(".")[0] for name in set(sys.modules) - before} - known)


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(probe(json.load(sys.stdin))) + "\n")
