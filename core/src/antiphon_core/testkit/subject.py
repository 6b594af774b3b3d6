"""The adapter under test: found, listed and loaded once for all checks of a class."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

import pluggy
import pytest

from antiphon_core.audio import PcmChunk
from antiphon_core.models import AdapterSettings, Model, ModelInfo, SpeechRequest, VoiceInfo
from antiphon_core.store import Store, StoreFiles, catalogue_of
from antiphon_core.testkit.loading import find_entry_point, load_plugin, manager_of
from antiphon_core.testkit.sound import difference
from antiphon_core.testkit.standard import Standard
from antiphon_core.testkit.texts import sentence_for
from antiphon_core.testkit.utterance import Clock, Spoken, Utterance
from antiphon_core.testkit.verdict import described

SEED = 7
HOOKS = ("tts_list_models", "tts_load_model")


class Subject:
    """Gives the checks what they need. Where the model does not load, one check fails and the others are skipped."""

    def __init__(self, standard: type[Standard], clock: Clock = time.monotonic) -> None:
        self.standard = standard
        self.clock = clock
        self.growth: list[tuple[float, int]] = []
        """Memory in MB and threads after every load and close."""
        self._model: Model | None = None

    @cached_property
    def plugin(self) -> Any:
        return load_plugin(self.standard.adapter)

    @property
    def module(self) -> str:
        """Where the plug-in lies, and its catalogue beside it."""
        return find_entry_point(self.standard.adapter).module

    @cached_property
    def manager(self) -> pluggy.PluginManager:
        return manager_of(self.plugin)

    @cached_property
    def settings(self) -> AdapterSettings:
        own = self.standard
        files = own.files or StoreFiles(Store(), catalogue_of(self.module))
        return AdapterSettings(files, own.options, own.model_dirs, own.threads)

    @cached_property
    def hook(self) -> Any:
        """The plug-in's hooks. Skips the check that asks where they are not as they should be."""
        with _otherwise_skip("the plug-in has not its hooks: see test_the_plugin_fulfils_the_hook_spec"):
            missing = [name for name in HOOKS if not getattr(self.manager.hook, name).get_hookimpls()]
            if missing:
                raise LookupError(" and ".join(missing))
            return self.manager.hook

    def list_models(self) -> list[ModelInfo]:
        return [info for infos in self.hook.tts_list_models(settings=self.settings) for info in infos]

    @cached_property
    def info(self) -> ModelInfo:
        """The description of the model under test."""
        wanted = self.standard.model
        with _otherwise_skip("no model is listed: see test_descriptions_are_complete"):
            return next(info for info in self.list_models() if not wanted or info.id == wanted)

    @property
    def voice(self) -> VoiceInfo:
        return self.info.voice(self.standard.voice)

    @property
    def sentence(self) -> str:
        return self.standard.sentence or sentence_for(_language(self.voice))

    def load(self, model_id: str = "") -> Any:
        wanted = model_id or self.info.id
        return self.hook.tts_load_model(model_id=wanted, device=self.standard.device, settings=self.settings)

    @property
    def model(self) -> Model:
        """The model, loaded and warm."""
        if self._model is None:
            with _otherwise_skip("the model does not load: see test_the_model_loads"):
                self._model = _loaded(self.load())
            self.speak(self.sentence)
        return self._model

    def release(self) -> None:
        if self._model is not None:
            self._model.close()
            self._model = None

    def request(self, text: str, **changes: Any) -> SpeechRequest:
        voice = self.info.voice(changes.pop("known_voice", self.voice.id))
        values = {"voice": voice.id, "language": _language(voice), "seed": SEED, **changes}
        return SpeechRequest(text, **values)

    def utter(self, text: str, **changes: Any) -> Utterance:
        model, request = self.model, self.request(text, **changes)
        return self._utterance(lambda: model.synthesize(request))

    def utter_stream(self, texts: Iterable[str]) -> Utterance:
        model, request = self.model, self.request("")
        return self._utterance(lambda: model.synthesize_stream(request, texts))

    def speak(self, text: str, **changes: Any) -> Spoken:
        return finish(self.utter(text, **changes))

    def begin(self, utterance: Utterance, enough: Callable[[Spoken], bool]) -> Spoken:
        """Pulls the beginning only. The model is released afterwards: whether it survives a close is another check."""
        try:
            while utterance.step() and not enough(utterance.spoken):
                pass
            return utterance.spoken
        finally:
            utterance.close()
            self.release()

    def alike(self, one: Spoken, other: Spoken) -> bool:
        """Whether two takes are the same, as far as this engine can repeat itself at all."""
        if self.is_repeatable:
            return difference(one.samples, other.samples) <= self.standard.seed_difference
        return abs(one.duration_s - other.duration_s) <= 0.3 * one.duration_s

    @cached_property
    def is_repeatable(self) -> bool:
        one, other = self.speak(self.sentence), self.speak(self.sentence)
        return difference(one.samples, other.samples) <= min(self.standard.seed_difference, 0.5)

    def _utterance(self, make: Callable[[], Iterator[PcmChunk]]) -> Utterance:
        return Utterance(make, self.info.native_rate_hz, self.standard.patience_s, self.clock)


def finish(utterance: Utterance) -> Spoken:
    """Pulls to the end."""
    try:
        while utterance.step():
            pass
        return utterance.spoken
    finally:
        utterance.close()


class _otherwise_skip:  # noqa: N801 # reads as a statement
    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            pytest.skip(f"not checked, because {self._reason} ({described(error)})")


def _loaded(model: Any) -> Model:
    if not isinstance(model, Model):
        raise TypeError(f"tts_load_model gave a {type(model).__name__}")
    return model


def _language(voice: VoiceInfo) -> str:
    return voice.languages[0] if voice.languages else "und"
