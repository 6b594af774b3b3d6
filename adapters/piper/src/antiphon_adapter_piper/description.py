"""How a Piper voice is described to a host."""

from __future__ import annotations

from antiphon_core.models import Capability, ModelInfo, VoiceInfo

MAX_CONCURRENCY = 4
"""Utterances at once."""
UNSPACED = frozenset({"cmn", "ja", "th", "yue", "zh"})
"""Languages that put no space between words, so that there is none to mark."""


def describe(
    model_id: str,
    voices: tuple[VoiceInfo, ...],
    *,
    rate_hz: int,
    licence: str,
    network_bytes: int,
    timings: bool,
    copies: int,
    files: str = "",
    revision: str = "",
) -> ModelInfo:
    """The description of a model; `timings` says whether its words shall be marked, where its language has words, and
    `copies` how many of its network are loaded."""
    marked = timings and not any(language in UNSPACED for voice in voices for language in voice.languages)
    capabilities = {Capability.SPEED, Capability.CPU_OK} | ({Capability.WORD_TIMINGS} if marked else set())
    return ModelInfo(
        id=model_id,
        voices=voices,
        native_rate_hz=rate_hz,
        licence=licence,
        # The network, once more for each copy as onnxruntime lays it out, and what it computes with.
        size_bytes=(1 + copies) * network_bytes + 60_000_000,
        max_concurrency=MAX_CONCURRENCY,
        capabilities=frozenset(capabilities),
        files=files,
        revision=revision,
    )


def languages_of(code: str) -> tuple[str, ...]:
    """BCP 47 tags of a language as Piper writes it: `de_DE` is de-DE and de."""
    language, _, region = code.partition("_")
    return (f"{language}-{region}", language) if region else (language,)
