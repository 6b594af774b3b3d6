"""The plug-in contract: what an adapter's module implements.

An adapter is a Python distribution with an entry point in the group `antiphon.tts_adapters`. The entry point's name
is the adapter's name; its value is a module whose functions carry `@hookimpl`. The host imports only the module it was
asked for. A file `catalogue.yaml` beside that module lists the weights the model store can fetch for it.
"""

from __future__ import annotations

import pluggy

from antiphon_core.models import AdapterSettings, Model, ModelInfo

ENTRY_POINT_GROUP = "antiphon.tts_adapters"
PROJECT = "antiphon"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class TTSAdapter:
    """Makes one engine speak."""

    @hookspec
    def tts_list_models(self, settings: AdapterSettings) -> list[ModelInfo]:
        """What could be loaded, from disk and catalogue. Cheap: imports no engine, fetches nothing."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def tts_load_model(self, model_id: str, device: str, settings: AdapterSettings) -> Model:
        """Loads a model that `tts_list_models` named. Slow is fine: it runs in a thread of its own.

        `device` is "cpu" or a CUDA device such as "cuda:0".
        """
        raise NotImplementedError
