"""What is tested: the small random pack, and, where the environment names them, one with real weights and a GPU."""

from __future__ import annotations

import os
from pathlib import Path

from antiphon_core.models import AdapterSettings, Model
from antiphon_core.testkit import NoFiles
from random_pack import tiny_pack

TINY = tiny_pack()
REAL = tuple(Path(folder) for folder in [os.environ.get("ANTIPHON_COSYVOICE_MODEL_DIR")] if folder)
DEVICE = os.environ.get("ANTIPHON_COSYVOICE_DEVICE", "cpu")


def settings(*folders: Path, **options: str) -> AdapterSettings:
    return AdapterSettings(files=NoFiles(), options=options, model_dirs=folders or (TINY,))


def load(*folders: Path, **options: str) -> Model:
    """The first model of the folders."""
    from antiphon_adapter_cosyvoice import plugin

    told = settings(*folders, **options)
    return plugin.tts_load_model(plugin.tts_list_models(told)[0].id, "cpu", told)
