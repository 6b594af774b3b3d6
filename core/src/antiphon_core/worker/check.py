"""Check: what `worker --check` does: load the model, speak a sentence, and tell what that took."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

from antiphon_core.audio import Frame, PcmFormat
from antiphon_core.errors import AntiphonError, EngineFailed
from antiphon_core.live import LiveSettings
from antiphon_core.models import SpeechRequest
from antiphon_core.registry.base import LoadProgress
from antiphon_core.store.disk import size_text
from antiphon_core.worker.audio_path import AudioPath
from antiphon_core.worker.hosting import loader_for
from antiphon_core.worker.loading import Loaded
from antiphon_core.worker.plugins import Adapter
from antiphon_core.worker.settings import WorkerSettings
from antiphon_core.worker.voices import known_model
from antiphon_core.worker.warmup import sample_sentence


@dataclass(frozen=True, slots=True)
class _Spoken:
    first_s: float
    all_s: float
    audio_s: float

    @property
    def rtf(self) -> float:
        return self.all_s / self.audio_s


async def check(adapter: Adapter, live: LiveSettings[WorkerSettings]) -> None:
    """Prints the figures; raises what goes wrong."""
    loader = loader_for(adapter, live)
    models = {info.id: info for info in loader.list_models()}
    info = known_model(live.now.models[0], models) if live.now.models else next(iter(models.values()))
    before_bytes = _rss_bytes()
    began_s = time.monotonic()
    loaded = await loader.load(info, _show)
    load_s = time.monotonic() - began_s
    try:
        spoken = await loaded.slot.run(lambda: _speak(loaded))
        after_bytes = _rss_bytes()
    finally:
        await loaded.slot.run(loaded.model.close)
        loaded.slot.close()
    gain_db = loaded.gains_db[info.default_voice]
    print(f"adapter      {adapter.name} {adapter.version}, on {live.now.device}")
    print(f"model        {info.id} ({info.licence}), voice {info.id}/{info.default_voice}, played at {gain_db:+.1f} dB")
    print(f"load         {load_s:.2f} s, warm-up included")
    print(f"first audio  {spoken.first_s * 1000:.0f} ms")
    print(f"speech       {spoken.audio_s:.2f} s in {spoken.all_s * 1000:.0f} ms: real-time factor {spoken.rtf:.3f}")
    print(
        f"memory       {size_text(after_bytes)}, {size_text(max(0, after_bytes - before_bytes))} of it since the load "
        f"began (the adapter declares {size_text(info.size_bytes)})"
    )


def _show(progress: LoadProgress) -> None: ...


def _speak(loaded: Loaded) -> _Spoken:
    """In the model's own thread."""
    model = loaded.model
    voice = model.info.voice("")
    language = voice.languages[0] if voice.languages else "und"
    out = PcmFormat()
    path = AudioPath(out, gain_db=loaded.gains_db[voice.id])
    first_s, began_s = 0.0, time.monotonic()
    try:
        for chunk in model.synthesize(SpeechRequest(sample_sentence(language), voice.id, language)):
            if any(isinstance(event, Frame) for event in path.push(chunk)) and not first_s:
                first_s = time.monotonic() - began_s
        path.finish()
    except AntiphonError:
        raise
    except Exception as error:
        raise EngineFailed(f"the engine of model {model.info.id!r} raised {type(error).__name__}: {error}") from error
    return _Spoken(first_s or time.monotonic() - began_s, time.monotonic() - began_s, path.samples / out.rate_hz)


def _rss_bytes() -> int:
    return int(psutil.Process().memory_info().rss)
