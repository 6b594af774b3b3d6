"""The adapter: CosyVoice 2, one model for every voice pack in the operator's folders."""

from __future__ import annotations

from antiphon_core.errors import BadSettings, UnknownModel
from antiphon_core.hookspecs import hookimpl
from antiphon_core.models import AdapterSettings, Model, ModelInfo

from antiphon_adapter_cosyvoice.pack import PACK_FILE, Pack
from antiphon_adapter_cosyvoice.pack_file import find_packs


@hookimpl
def tts_list_models(settings: AdapterSettings) -> list[ModelInfo]:
    return [pack.info() for pack in _packs(settings).values()]


@hookimpl
def tts_load_model(model_id: str, device: str, settings: AdapterSettings) -> Model:
    packs = _packs(settings)
    if model_id not in packs:
        raise UnknownModel(f"no model {model_id!r}; there are: {', '.join(packs)}", subject=model_id, allowed=[*packs])
    from antiphon_adapter_cosyvoice.loading import load

    return load(packs[model_id], device, settings)


def _packs(settings: AdapterSettings) -> dict[str, Pack]:
    packs = find_packs(settings.model_dirs)
    if not packs:
        looked_in = ", ".join(map(str, settings.model_dirs)) or "no folder at all"
        raise BadSettings(
            f"there is no voice pack: looked in {looked_in}. The engine brings no weights along; name a folder that "
            f"has a {PACK_FILE}, or has folders that do, with --own-dir FOLDER. docs/cosyvoice.md says how to make one",
            subject="own_dirs",
        )
    return packs
