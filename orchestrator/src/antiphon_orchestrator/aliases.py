"""Names that clients send by habit, and what they mean here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_VOICES: Mapping[str, str] = dict.fromkeys(
    ("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"),
    "",
)
DEFAULT_SPEECH_MODELS: Mapping[str, str] = dict.fromkeys(
    ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15"), ""
)
DEFAULT_RECOGNISERS: Mapping[str, str] = dict.fromkeys(
    (
        "whisper-1", "gpt-transcribe", "gpt-live-transcribe", "gpt-realtime-whisper", "gpt-4o-transcribe",
        "gpt-4o-transcribe-diarize", "gpt-4o-mini-transcribe", "gpt-4o-mini-transcribe-2025-12-15",
    ),
    "",
)  # fmt: skip
DEFAULT_MINDS: Mapping[str, str] = dict.fromkeys(
    (
        "gpt-realtime", "gpt-realtime-1.5", "gpt-realtime-2", "gpt-realtime-2.1", "gpt-realtime-2.1-mini",
        "gpt-realtime-2025-08-28", "gpt-realtime-mini", "gpt-realtime-mini-2025-10-06", "gpt-realtime-mini-2025-12-15",
        "gpt-4o-realtime-preview", "gpt-4o-realtime-preview-2024-10-01", "gpt-4o-realtime-preview-2024-12-17",
        "gpt-4o-realtime-preview-2025-06-03", "gpt-4o-mini-realtime-preview",
        "gpt-4o-mini-realtime-preview-2024-12-17", "gpt-audio-1.5", "gpt-audio-mini", "gpt-audio-mini-2025-10-06",
        "gpt-audio-mini-2025-12-15",
    ),
    "",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Aliases:
    """Tables from a client's name to ours; an empty value is the deployment's default."""

    voices: Mapping[str, str] = field(default_factory=lambda: DEFAULT_VOICES)
    speech_models: Mapping[str, str] = field(default_factory=lambda: DEFAULT_SPEECH_MODELS)
    recognisers: Mapping[str, str] = field(default_factory=lambda: DEFAULT_RECOGNISERS)
    minds: Mapping[str, str] = field(default_factory=lambda: DEFAULT_MINDS)

    def voice(self, model: str, voice: str) -> str:
        """The public voice id behind a request's model and voice. A voice that names its model wins."""
        model = self.speech_models.get(model, model)
        voice = self.voices.get(voice, voice)
        if not model or "/" in voice:
            return voice
        return f"{model}/{voice}" if voice else model

    def mind(self, name: str) -> str:
        """The language model behind the name a client gives."""
        return self.minds.get(name, name)
