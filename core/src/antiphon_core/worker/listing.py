"""Listing: what `worker --list` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from antiphon_core.errors import AntiphonError, BadSettings
from antiphon_core.models import ModelInfo
from antiphon_core.settings import read_settings
from antiphon_core.store import StoreFiles
from antiphon_core.store.disk import size_text
from antiphon_core.worker.hosting import adapter_settings, files_for, store_for
from antiphon_core.worker.plugins import InstalledAdapter, installed_adapters, load_adapter
from antiphon_core.worker.settings import WorkerSettings

_HEAD = ("model", "licence", "memory", "files", "voices")


def list_adapters(flags: Mapping[str, Any]) -> None:
    """The adapters installed here, or the one named, each with its models."""
    wanted = flags.get("adapter")
    adapters = [adapter for adapter in installed_adapters() if wanted in (None, adapter.name)]
    if wanted and not adapters:
        load_adapter(wanted)  # says what there is
    if not adapters:
        raise BadSettings(
            "no adapter is installed here; install one with `pip install antiphon-adapter-NAME`", subject="adapter"
        )
    for adapter in adapters:
        print(f"{adapter.name}  ({adapter.distribution} {adapter.version})")
        for line in _models(adapter, flags):
            print(f"  {line}")


def _models(installed: InstalledAdapter, flags: Mapping[str, Any]) -> Iterable[str]:
    settings = read_settings(WorkerSettings, {**flags, "adapter": installed.name})
    try:
        adapter = load_adapter(installed.name)
        files = files_for(adapter, store_for(settings))
        infos = adapter.list_models(adapter_settings(settings, files))
        return _table([_HEAD, *(_row(info, files) for info in infos)])
    except AntiphonError as error:
        return [error.message]


def _row(info: ModelInfo, files: StoreFiles) -> tuple[str, ...]:
    voices = ", ".join(f"{voice.id} ({' '.join(voice.languages)})" for voice in info.voices)
    return info.id, info.licence, size_text(info.size_bytes), _where(info, files), voices


def _where(info: ModelInfo, files: StoreFiles) -> str:
    if not info.files:
        return "installed"
    if files.have(info.files):
        return "downloaded"
    return f"{size_text(files.catalogue.entry(info.files).size_bytes)} to download"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
