"""The scripted adapter as a worker hosts it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from antiphon_core.models import AdapterSettings
from antiphon_core.store import Silent, Store, StoreFiles, catalogue_of
from antiphon_core.worker.loading import Loader
from antiphon_core.worker.plugins import load_adapter
from worker import scripted


def scripted_loader(
    store: Path,
    *,
    own: tuple[Path, ...] = (),
    timeout_s: float = 10.0,
    max_parallel: int = 4,
    **options: str,
) -> Loader:
    """Needs the `installed` fixture and a running loop."""
    files = StoreFiles(Store(store, progress=Silent()), catalogue_of("worker.scripted"))
    settings = AdapterSettings(files=files, options=options, model_dirs=own)
    return Loader(load_adapter("scripted"), settings, files, "cpu", max_parallel, lambda: timeout_s)


async def logged(event: str, times: int = 1) -> None:
    """Waits until the engine has logged an event so many times."""
    for _ in range(5_000):
        if len(entries(event)) >= times:
            return
        await asyncio.sleep(0.002)
    raise AssertionError(f"the engine did not log {event!r} {times} times: {scripted.log}")


def entries(event: str) -> list[str]:
    """What the engine logged of an event."""
    return [detail for name, detail in scripted.log if name == event]
