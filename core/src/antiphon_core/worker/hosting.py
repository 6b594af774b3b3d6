"""Hosting: an adapter together with what a worker gives it."""

from __future__ import annotations

from antiphon_core.live import LiveSettings
from antiphon_core.models import AdapterSettings
from antiphon_core.store import Store, StoreFiles, catalogue_of
from antiphon_core.worker.loading import Loader
from antiphon_core.worker.plugins import Adapter
from antiphon_core.worker.settings import WorkerSettings


def store_for(settings: WorkerSettings) -> Store:
    return Store(settings.models_dir, allow_licences=settings.licences or None)


def files_for(adapter: Adapter, store: Store) -> StoreFiles:
    """The adapter's own catalogue."""
    return StoreFiles(store, catalogue_of(adapter.module))


def adapter_settings(settings: WorkerSettings, files: StoreFiles) -> AdapterSettings:
    return AdapterSettings(
        files=files, options=settings.options, model_dirs=settings.own_dirs, threads=settings.threads
    )


def loader_for(adapter: Adapter, live: LiveSettings[WorkerSettings]) -> Loader:
    """To be called in a running event loop."""
    settings = live.now
    files = files_for(adapter, store_for(settings))
    return Loader(
        adapter,
        adapter_settings(settings, files),
        files,
        settings.device,
        settings.max_parallel_loads,
        timeout_s=lambda: live.now.load_timeout_s,
    )
