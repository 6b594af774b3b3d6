"""Adapters with a fault in what they say of themselves or what they refuse."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from antiphon_core.audio import PcmChunk
from antiphon_core.errors import BadRequest, UnknownModel
from antiphon_core.hookspecs import hookimpl
from antiphon_core.models import AdapterSettings, ModelInfo, SpeechRequest, VoiceInfo
from sound_engine import INFO, Plugin, Sound


class _SpareHook(Plugin):
    @hookimpl
    def tts_list_voices(self) -> list[str]:
        return []


class _WrongArgument(Plugin):
    @hookimpl
    def tts_list_models(self, folder: str) -> list[ModelInfo]:  # type: ignore[override] # the fault
        return list(self.infos)


class _NoLoader(Plugin):
    tts_load_model = None  # type: ignore[assignment]


class _NothingListed(Plugin):
    @hookimpl
    def tts_list_models(self, settings: AdapterSettings) -> list[ModelInfo]:
        return []


class _HeavyListing(Plugin):
    @hookimpl
    def tts_list_models(self, settings: AdapterSettings) -> list[ModelInfo]:
        import psutil  # noqa: F401 # stands for an engine

        return list(self.infos)


class _SlowListing(Plugin):
    @hookimpl
    def tts_list_models(self, settings: AdapterSettings) -> list[ModelInfo]:
        if is_probe():
            time.sleep(0.6)
        return list(self.infos)


def is_probe() -> bool:
    """Whether this is the process in which the kit times a listing."""
    return "pytest" not in sys.modules


class _FetchingListing(Plugin):
    @hookimpl
    def tts_list_models(self, settings: AdapterSettings) -> list[ModelInfo]:
        if is_probe():
            settings.files.get("weights")
        return list(self.infos)


class _DyingListing(Plugin):
    @hookimpl
    def tts_list_models(self, settings: AdapterSettings) -> list[ModelInfo]:
        if is_probe():
            os._exit(3)
        return list(self.infos)


class _WrongListing(Plugin):
    @hookimpl
    def tts_list_models(self, settings: AdapterSettings) -> list[ModelInfo]:
        if is_probe() or not settings.options.get("folder", settings.model_dirs):
            raise ValueError("no folder")
        return list(self.infos)


class _ShuffledListing(Plugin):
    _turn = itertools.count()

    @hookimpl
    def tts_list_models(self, settings: AdapterSettings) -> list[ModelInfo]:
        return [INFO, replace(INFO, id=f"other-{next(self._turn)}")]


class _BreakingLoader(Plugin):
    @hookimpl
    def tts_load_model(self, model_id: str, device: str, settings: AdapterSettings) -> Any:
        if model_id != INFO.id:
            raise UnknownModel("unknown")
        raise OSError("weights.bin is missing")


class _ObligingLoader(Plugin):
    @hookimpl
    def tts_load_model(self, model_id: str, device: str, settings: AdapterSettings) -> Any:
        return self.model(INFO)


class _StumblingLoader(Plugin):
    @hookimpl
    def tts_load_model(self, model_id: str, device: str, settings: AdapterSettings) -> Any:
        return {INFO.id: self.model(INFO)}[model_id]


spare_hook = _SpareHook()
wrong_argument = _WrongArgument()
no_loader = _NoLoader()
nothing_listed = _NothingListed()
heavy_listing = _HeavyListing()
slow_listing = _SlowListing()
fetching_listing = _FetchingListing()
dying_listing = _DyingListing()
wrong_listing = _WrongListing()
shuffled_listing = _ShuffledListing()
twins = Plugin(infos=(INFO, INFO))
no_licence = Plugin(infos=(replace(INFO, licence=""),))
no_size = Plugin(infos=(replace(INFO, size_bytes=0),))
odd_language = Plugin(infos=(replace(INFO, voices=(VoiceInfo("low", ("English",)), VoiceInfo("high", ("en",)))),))
odd_rate = Plugin(infos=(INFO, replace(INFO, id="other", native_rate_hz=22)))
spaced_id = Plugin(infos=(replace(INFO, id="my model"),))
twin_voices = Plugin(infos=(INFO, replace(INFO, id="other", voices=(VoiceInfo("low", ()), VoiceInfo("low", ())))))
no_entry = Plugin(infos=(INFO, replace(INFO, id="other", files="weights")))
gpu_and_cpu = Plugin(infos=(replace(INFO, needs_gpu=True),))
breaking_loader = _BreakingLoader()
gives_no_model = Plugin(model=lambda info: "a model")
other_info = Plugin(model=lambda info: Sound(replace(info, size_bytes=2_000)))
obliging_loader = _ObligingLoader()
stumbling_loader = _StumblingLoader()


class _AnyVoice(Sound):
    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        known = {voice.id for voice in self.info.voices}
        return super().synthesize(request if request.voice in known else replace(request, voice="low"))


class _VoiceKeyError(Sound):
    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        return {"low": super().synthesize, "high": super().synthesize}[request.voice](request)


class _OptionKeyError(Sound):
    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        for name in request.options:
            {"temperature": 1.0}[name]
        return super().synthesize(request)


class _RefusesOptions(Sound):
    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        if request.options:
            raise BadRequest("there are no options")
        return super().synthesize(request)


any_voice = Plugin(_AnyVoice)
voice_key_error = Plugin(_VoiceKeyError)
refuses_options = Plugin(_RefusesOptions)
option_key_error = Plugin(_OptionKeyError)
