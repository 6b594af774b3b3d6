"""What a model is, cheaply (ModelInfo), and what it does when loaded (Model)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from antiphon_core.audio import PcmChunk
from antiphon_core.errors import UnknownVoice, Unsupported

MIN_SPEED, MAX_SPEED = 0.25, 4.0


class Capability(str, Enum):
    """What a model can do beyond speaking a text."""

    STREAMING_TEXT = "streaming_text"
    WORD_TIMINGS = "word_timings"
    CLONING = "cloning"
    SPEED = "speed"
    EMOTION = "emotion"
    LORA = "lora"
    CPU_OK = "cpu_ok"


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """A way for a model to sound. `languages` are BCP 47 tags, the default first."""

    id: str
    languages: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model's cheap description: what is known of it without loading it.

    `files` names the catalogue entry that holds its weights; empty where the engine's package brings them along.
    `revision` changes whenever a loaded copy of the model would no longer be what is on disk.
    """

    id: str
    voices: tuple[VoiceInfo, ...]
    native_rate_hz: int
    licence: str
    size_bytes: int
    default_voice: str = ""
    needs_gpu: bool = False
    max_concurrency: int = 1
    capabilities: frozenset[Capability] = frozenset()
    files: str = ""
    revision: str = ""

    def __post_init__(self) -> None:
        if not self.voices:
            raise ValueError(f"model {self.id!r} declares no voice; a model has at least one")
        if self.max_concurrency < 1:
            raise ValueError(f"model {self.id!r} declares max_concurrency {self.max_concurrency}; it is at least 1")
        if not self.default_voice:
            object.__setattr__(self, "default_voice", self.voices[0].id)
        self.voice(self.default_voice)

    def voice(self, voice_id: str) -> VoiceInfo:
        """The voice of that id, the default one for an empty id."""
        wanted = voice_id or self.default_voice
        for voice in self.voices:
            if voice.id == wanted:
                return voice
        allowed = [f"{self.id}/{voice.id}" for voice in self.voices]
        raise UnknownVoice(
            f"model {self.id!r} has no voice {wanted!r}; it has: {', '.join(allowed)}", subject=wanted, allowed=allowed
        )


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """One utterance as an engine sees it. `voice` is an id within the model, never empty; so is `language`."""

    text: str
    voice: str
    language: str
    speed: float = 1.0
    seed: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)


class Model:
    """Weights in memory. Adapters subclass it.

    The host calls from threads of its own, at most `info.max_concurrency` utterances at a time; one utterance's
    generator is pulled by one thread at a time. To cancel, the host stops pulling and closes the generator.
    """

    def __init__(self, info: ModelInfo) -> None:
        self.info = info

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        """Speaks: yields audio at the native rate, the first chunk as early as the engine can."""
        raise Unsupported(f"{type(self).__name__} does not implement synthesize", subject=self.info.id)

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        """Speaks text that is still arriving. For models that declare STREAMING_TEXT; `request.text` is empty.

        Iterating `texts` blocks until more text has come and ends after the last piece.
        """
        raise Unsupported(f"model {self.info.id!r} does not take streamed text", subject=self.info.id)

    def close(self) -> None:
        """Frees memory, VRAM too. Called once; no utterance runs then."""


class ModelFiles(Protocol):
    """The model store as an adapter sees it: entries of the adapter's own `catalogue.yaml`."""

    def get(self, entry_id: str) -> Path:
        """The folder that holds the entry's verified files; fetches them first if they are not here yet."""
        ...

    def have(self, entry_id: str) -> bool:
        """Whether `get` would return without fetching."""
        ...


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """What the host tells an adapter.

    `options` are the engine's own settings as the operator wrote them; `model_dirs` are folders of the operator's own
    models and voices; `files` fetches catalogue entries; `threads` is how many CPU threads one utterance may use.
    """

    files: ModelFiles
    options: Mapping[str, str] = field(default_factory=dict)
    model_dirs: tuple[Path, ...] = ()
    threads: int = 1
