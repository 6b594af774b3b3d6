"""Adapters as plug-ins: which are installed, and loading the one that was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

import pluggy

from antiphon_core.errors import AntiphonError, BadSettings, CannotLoad, UnknownModel
from antiphon_core.hookspecs import ENTRY_POINT_GROUP, PROJECT, TTSAdapter
from antiphon_core.models import AdapterSettings, Model, ModelInfo

_HOOKS = ("tts_list_models", "tts_load_model")


@dataclass(frozen=True, slots=True)
class InstalledAdapter:
    """An adapter that this environment could load. Found without importing it."""

    name: str
    module: str
    distribution: str
    version: str


def installed_adapters() -> tuple[InstalledAdapter, ...]:
    found = {point.name: _installed(point) for point in entry_points(group=ENTRY_POINT_GROUP)}
    return tuple(found[name] for name in sorted(found))


class Adapter:
    """A loaded plug-in."""

    def __init__(self, installed: InstalledAdapter, manager: pluggy.PluginManager) -> None:
        self.name = installed.name
        self.version = installed.version
        self.module = installed.module
        self._hook = manager.hook

    def list_models(self, settings: AdapterSettings) -> tuple[ModelInfo, ...]:
        try:
            listed = [info for infos in self._hook.tts_list_models(settings=settings) for info in infos]
        except AntiphonError:
            raise
        except Exception as error:
            raise CannotLoad(
                f"adapter {self.name!r} cannot list its models: {type(error).__name__}: {error}", subject=self.name
            ) from error
        if not listed:
            raise CannotLoad(f"adapter {self.name!r} offers no model", subject=self.name)
        return tuple(listed)

    def load_model(self, model_id: str, device: str, settings: AdapterSettings) -> Model:
        try:
            model = self._hook.tts_load_model(model_id=model_id, device=device, settings=settings)
        except AntiphonError:
            raise
        except Exception as error:
            raise CannotLoad(
                f"model {model_id!r} cannot be loaded: {type(error).__name__}: {error}", subject=model_id
            ) from error
        if model is None:
            raise UnknownModel(f"adapter {self.name!r} knows no model {model_id!r}", subject=model_id)
        if not isinstance(model, Model):
            raise CannotLoad(
                f"adapter {self.name!r} gave a {type(model).__name__} for model {model_id!r}; tts_load_model returns "
                "an antiphon_core.models.Model",
                subject=model_id,
            )
        return model


def load_adapter(name: str) -> Adapter:
    """Imports the one adapter of that name, and no other."""
    installed = {adapter.name: adapter for adapter in installed_adapters()}
    if name not in installed:
        raise BadSettings(_unknown(name, installed), subject=name, allowed=tuple(installed))
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(TTSAdapter)
    try:
        manager.load_setuptools_entrypoints(ENTRY_POINT_GROUP, name=name)
        manager.check_pending()
    except Exception as error:
        raise CannotLoad(
            f"adapter {name!r} ({installed[name].distribution}) is installed but does not load: "
            f"{type(error).__name__}: {error}",
            subject=name,
        ) from error
    missing = [hook for hook in _HOOKS if not getattr(manager.hook, hook).get_hookimpls()]
    if missing:
        raise CannotLoad(
            f"adapter {name!r} ({installed[name].distribution}) does not implement {' and '.join(missing)}; mark the "
            "functions of its plug-in module with @hookimpl",
            subject=name,
        )
    return Adapter(installed[name], manager)


def _installed(point: EntryPoint) -> InstalledAdapter:
    dist = point.dist
    return InstalledAdapter(
        point.name, point.module, dist.name if dist else "unknown distribution", dist.version if dist else "unknown"
    )


def _unknown(name: str, installed: Iterable[str]) -> str:
    names = ", ".join(installed) or "none"
    wanted = f"antiphon-adapter-{name}" if name.isidentifier() else "antiphon-adapter-NAME"
    return (
        f"no adapter {name!r} is installed here; installed: {names}. Install another with `pip install {wanted}` or "
        "run its worker from the engine's own environment"
    )
