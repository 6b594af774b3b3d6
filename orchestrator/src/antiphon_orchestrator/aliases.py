"""Names that clients send by habit, and what they mean here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_VOICES: Mapping[str, str] = dict.fromkeys(
    ("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"),
    "",
)
DEFAULT_SPEECH_MODELS: Mapping[str, str] = dict.fromkeys(("tts-1", "tts-1-hd", "gpt-4o-mini-tts"), "")
DEFAULT_RECOGNISERS: Mapping[str, str] = dict.fromkeys(
    ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-realtime-whisper", "gpt-transcribe"), ""
)
DEFAULT_MINDS: Mapping[str, str] = dict.fromkeys(("gpt-realtime", "gpt-realtime-mini", "gpt-4o-realtime-preview"), "")


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
