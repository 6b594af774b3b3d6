"""The adapter: Kokoro's one model, its voices and blends of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from antiphon_core.audio import PcmChunk
from antiphon_core.errors import BadText, UnknownModel
from antiphon_core.hookspecs import hookimpl
from antiphon_core.models import AdapterSettings, Capability, Model, ModelInfo, SpeechRequest

from antiphon_adapter_kokoro.phrases import pause_ms, phrases
from antiphon_adapter_kokoro.voices import Recipe, recipes

if TYPE_CHECKING:
    from kokoro_onnx import Kokoro

MODEL = "kokoro-82m"
RATE_HZ = 24_000
SLOWEST, FASTEST = 0.5, 2.0
"""What the engine takes."""

Style = npt.NDArray[np.float32]


@hookimpl
def tts_list_models(settings: AdapterSettings) -> list[ModelInfo]:
    return [
        ModelInfo(
            id=MODEL,
            voices=tuple(recipe.info for recipe in recipes(settings.options).values()),
            native_rate_hz=RATE_HZ,
            licence="Apache-2.0",
            size_bytes=450_000_000,
            max_concurrency=2,
            capabilities=frozenset({Capability.SPEED, Capability.CPU_OK}),
            files=MODEL,
        )
    ]


@hookimpl
def tts_load_model(model_id: str, device: str, settings: AdapterSettings) -> Model:
    if model_id != MODEL:
        raise UnknownModel(f"no model {model_id!r}; there is: {MODEL}", subject=model_id, allowed=[MODEL])
    (info,) = tts_list_models(settings)
    folder = settings.files.get(info.files)
    from antiphon_adapter_kokoro.engine import load_engine

    engine = load_engine(folder / "kokoro.onnx", device, settings.threads)
    return KokoroModel(info, engine, folder / "voices", recipes(settings.options))


class KokoroModel(Model):
    """One network, which several threads may ask at once."""

    def __init__(self, info: ModelInfo, engine: Kokoro, styles: Path, known: dict[str, Recipe]) -> None:
        super().__init__(info)
        self._engine: Kokoro | None = engine
        self._folder = styles
        self._recipes = known
        self._styles: dict[str, Style] = {}

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        recipe = self._recipes[self.info.voice(request.voice).id]
        engine, style = self._loaded(), self._style(recipe)
        speed = min(max(request.speed, SLOWEST), FASTEST)
        pause = None
        for phrase in phrases(engine.tokenizer.phonemize(" ".join(request.text.split()), recipe.espeak)):
            if pause is not None:
                yield pause
            sound, _ = engine.create(phrase, style, speed, is_phonemes=True)
            yield PcmChunk.from_float(sound, RATE_HZ)
            pause = PcmChunk(np.zeros(int(RATE_HZ * pause_ms(phrase) / 1000 / speed), np.int16), RATE_HZ)
        if pause is None:
            raise BadText("there is nothing in the text that the voice can say", subject=request.text[:80])

    def close(self) -> None:
        self._engine = None
        self._styles.clear()

    def _style(self, recipe: Recipe) -> Style:
        """How the voice sounds, one row for each length of phrase: the weighted mean of what it is made of."""
        name = recipe.info.id
        if name not in self._styles:
            parts = (share * _read_style(self._folder / f"{part}.bin") for part, share in recipe.shares.items())
            self._styles[name] = np.sum(list(parts), axis=0, dtype=np.float32)
        return self._styles[name]

    def _loaded(self) -> Kokoro:
        if self._engine is None:
            raise RuntimeError("the model was closed")
        return self._engine


def _read_style(path: Path) -> Style:
    return np.fromfile(path, np.float32).reshape(-1, 1, 256)
