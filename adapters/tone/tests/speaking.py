"""Having tone speak, in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from antiphon_adapter_tone import plugin
from antiphon_core.audio import PcmChunk, Samples
from antiphon_core.models import AdapterSettings, SpeechRequest
from antiphon_core.testkit import NoFiles


def chunks_of(
    text: str,
    *,
    model: str = "tone",
    voice: str = "alto",
    speed: float = 1.0,
    options: Mapping[str, str] | None = None,
    settings: AdapterSettings | None = None,
) -> list[PcmChunk]:
    """All chunks of a text."""
    loaded = plugin.tts_load_model(model, "cpu", settings or AdapterSettings(files=NoFiles()))
    return list(loaded.synthesize(SpeechRequest(text, voice, "en", speed, options=options or {})))


def audio_of(text: str, **more: Any) -> Samples:
    return joined(chunks_of(text, **more))


def joined(chunks: list[PcmChunk]) -> Samples:
    return np.concatenate([chunk.samples for chunk in chunks])
