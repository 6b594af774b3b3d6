"""A voice pack: which model it is, how it sounds, and under which licence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from antiphon_core.models import Capability, ModelInfo, VoiceInfo

PACK_FILE = "pack.yaml"
RATE_HZ = 24_000
AT_ONCE = 2
"""Utterances that take turns on the networks: the second begins while the first is heard."""

NETWORKS = ("llm", "flow", "hift")
_MODEL_FILES = ("cosyvoice2.yaml", "campplus.onnx", "speech_tokenizer_v2.onnx")
LANGUAGE_MODEL = "CosyVoice-BlankEN"
_LANGUAGE_MODEL_FILES = (
    ("config.json",),
    ("model.safetensors", "pytorch_model.bin"),
    ("vocab.json", "tokenizer.json"),
    ("merges.txt", "tokenizer.json"),
)
"""The first name is the one that publishers use; any of them will do."""


class Mode(str, Enum):
    """What the engine is given of a voice beside its sound."""

    ZERO_SHOT = "zero_shot"
    CROSS_LINGUAL = "cross_lingual"
    INSTRUCT = "instruct"
    SPEAKER = "speaker"


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice, as the pack describes it. A voice with a `speaker` has no clip."""

    id: str
    mode: Mode
    languages: tuple[str, ...]
    description: str = ""
    clip: Path | None = None
    transcript: str = ""
    instruct: str = ""
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Pack:
    """A folder's description; of its other files only sizes and times are looked at here."""

    id: str
    folder: Path
    model: Path
    licence: str
    voices: tuple[Voice, ...]
    default_voice: str

    @property
    def speakers(self) -> Path:
        """Where speakers are saved."""
        return self.model / "spk2info.pt"

    @property
    def language_model(self) -> Path:
        return self.model / LANGUAGE_MODEL

    def weights(self, network: str) -> Path:
        """A network's checkpoint. Some who publish a model of their own call the one that it was made from original."""
        path, original = self.model / f"{network}.pt", self.model / f"{network}-original.pt"
        return original if original.exists() and not path.exists() else path

    def info(self) -> ModelInfo:
        return ModelInfo(
            id=self.id,
            voices=tuple(VoiceInfo(voice.id, voice.languages, voice.description) for voice in self.voices),
            native_rate_hz=RATE_HZ,
            licence=self.licence,
            size_bytes=max(1, sum(path.stat().st_size for path in self._files() if path.is_file())),
            default_voice=self.default_voice,
            max_concurrency=AT_ONCE,
            capabilities=frozenset(
                {Capability.STREAMING_TEXT, Capability.CLONING, Capability.SPEED, Capability.EMOTION},
            ),
            revision=self._revision(),
        )

    def missing(self) -> list[str]:
        """A line for every file that is not there."""
        return [*self._missing_of_model(), *self._missing_of_voices()]

    def _missing_of_model(self) -> Iterator[str]:
        for path in (*(self.model / name for name in _MODEL_FILES), *map(self.weights, NETWORKS)):
            if not path.is_file():
                yield f"{path} is missing"
        for names in _LANGUAGE_MODEL_FILES:
            if not any((self.language_model / name).is_file() for name in names):
                yield f"{self.language_model / names[0]} is missing"

    def _missing_of_voices(self) -> Iterator[str]:
        for voice in self.voices:
            if voice.clip is not None and not voice.clip.is_file():
                yield f"voice {voice.id!r}: its clip {voice.clip} is missing"
            if voice.speaker and not self.speakers.is_file():
                yield f"voice {voice.id!r}: {self.speakers}, where speakers are saved, is missing"

    def _files(self) -> Iterator[Path]:
        """What is read when the model is loaded."""
        yield from (self.model / name for name in _MODEL_FILES)
        yield from map(self.weights, NETWORKS)
        yield self.speakers

    def _revision(self) -> str:
        clips = [voice.clip for voice in self.voices if voice.clip is not None]
        paths = [self.folder / PACK_FILE, *self._files(), *clips]
        stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.is_file()]
        return hashlib.sha256(repr((stats, self.voices)).encode()).hexdigest()[:12]
