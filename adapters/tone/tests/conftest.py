"""What every test of tone starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from antiphon_adapter_tone import plugin
from antiphon_core.audio import PcmChunk
from antiphon_core.models import AdapterSettings, SpeechRequest


class NoFiles:
    """tone fetches nothing."""

    def get(self, entry_id: str) -> Path:
        raise AssertionError(f"tone asked the store for {entry_id!r}")

    def have(self, entry_id: str) -> bool:
        return False


Speak = Callable[..., list[PcmChunk]]


@pytest.fixture
def settings() -> AdapterSettings:
    return AdapterSettings(files=NoFiles())


@pytest.fixture
def speak(settings: AdapterSettings) -> Speak:
    """Chunks of a text, by the model, voice, speed and options given."""

    def spoken(
        text: str, model: str = "tone", voice: str = "alto", options: Mapping[str, str] | None = None, **more: Any
    ) -> list[PcmChunk]:
        request = SpeechRequest(text, voice, "en", options=options or {}, **more)
        return list(plugin.tts_load_model(model, "cpu", settings).synthesize(request))

    return spoken


def joined(chunks: list[PcmChunk]) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.concatenate([chunk.samples for chunk in chunks])
