"""The `session` object of the Realtime protocol: every field a client may set, checked on the way in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer


class Strict(BaseModel):
    """A part of the protocol: unknown fields are errors, as they are with the real API."""

    model_config = ConfigDict(extra="forbid", strict=True)


# ------------------------------------------------------------------ audio


class Pcm(Strict):
    """Signed 16 bit, little endian, mono."""

    rate_hz: ClassVar[int] = 24000

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24000] = 24000


class Pcmu(Strict):
    """G.711 mu-law at 8 kHz."""

    rate_hz: ClassVar[int] = 8000

    type: Literal["audio/pcmu"] = "audio/pcmu"


class Pcma(Strict):
    """G.711 A-law at 8 kHz."""

    rate_hz: ClassVar[int] = 8000

    type: Literal["audio/pcma"] = "audio/pcma"


AudioFormat = Annotated[Pcm | Pcmu | Pcma, Field(discriminator="type")]


class NoiseReduction(Strict):
    """Accepted for the sake of clients; the recogniser and the VAD here need none."""

    type: Literal["near_field", "far_field"] | None = None
    strength: Annotated[float, Field(ge=0, le=1)] | None = None


class Transcription(Strict):
    """Which recogniser writes down what the user says, and what helps it."""

    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    prompt: str | None = None
    keywords: list[str] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None

    @model_serializer(mode="wrap")
    def _without_nulls(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Clients that know only the older fields must be able to read it back; Pipecat ends the call at others."""
        return {name: value for name, value in dump(self).items() if value is not None}


class ServerVad(Strict):
    """The turn ends after a fixed silence."""

    type: Literal["server_vad"] = "server_vad"
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    prefix_padding_ms: Annotated[int, Field(ge=0, le=5000)] = 300
    silence_duration_ms: Annotated[int, Field(ge=0, le=20_000)] = 500
    idle_timeout_ms: Annotated[int, Field(ge=5_000, le=30_000)] | None = None
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(Strict):
    """The turn ends when a model hears that the sentence is finished."""

    type: Literal["semantic_vad"] = "semantic_vad"
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


TurnDetection = Annotated[ServerVad | SemanticVad, Field(discriminator="type")]


class AudioInput(Strict):
    """What comes in and how turns are found in it. `turn_detection` null: push-to-talk."""

    format: AudioFormat = Field(default_factory=Pcm)
    noise_reduction: NoiseReduction | None = None
    transcription: Transcription | None = None
    turn_detection: TurnDetection | None = Field(default_factory=SemanticVad)


class VoiceId(Strict):
    """A voice by reference."""

    id: str


class AudioOutput(Strict):
    """How answers sound. The protocol allows speeds up to 1.5; engines here may go up to 4."""

    format: AudioFormat = Field(default_factory=Pcm)
    voice: str | VoiceId = ""
    speed: Annotated[float, Field(ge=0.25, le=4)] = 1.0

    @property
    def voice_name(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice.id


class Audio(Strict):
    """Both directions."""

    input: AudioInput = Field(default_factory=AudioInput)
    output: AudioOutput = Field(default_factory=AudioOutput)


# ------------------------------------------------------------------ tools


class FunctionTool(Strict):
    """A function the client runs."""

    type: Literal["function"] = "function"
    name: str
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)


class ToolChoiceFunction(Strict):
    """Forces one function."""

    type: Literal["function"]
    name: str


ToolChoice = Literal["auto", "none", "required"] | ToolChoiceFunction


class TokenLimits(Strict):
    """Part of `truncation`."""

    post_instructions: Annotated[int, Field(ge=0)] | None = None


class RetentionRatio(Strict):
    """How much of the context to keep when it overflows."""

    type: Literal["retention_ratio"]
    retention_ratio: Annotated[float, Field(ge=0, le=1)]
    token_limits: TokenLimits | None = None


MaxTokens = Annotated[int, Field(ge=1, le=4096)] | Literal["inf"]
Modality = Literal["text", "audio"]
Modalities = Annotated[list[Modality], Field(min_length=1, max_length=1)]


def _spoken() -> list[Modality]:
    return ["audio"]


class SessionConfig(Strict):
    """Everything a session can be told. `tracing`, `prompt`, `reasoning` and `include` are kept and echoed only."""

    type: Literal["realtime"] = "realtime"
    model: str = ""
    instructions: str = ""
    output_modalities: Modalities = Field(default_factory=_spoken)
    audio: Audio = Field(default_factory=Audio)
    tools: list[FunctionTool] = Field(default_factory=list)
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool | None = None
    max_output_tokens: MaxTokens = "inf"
    truncation: Literal["auto", "disabled"] | RetentionRatio = "auto"
    include: list[Literal["item.input_audio_transcription.logprobs"]] | None = None
    tracing: Any = None
    prompt: Any = None
    reasoning: Any = None

    def updated(self, patch: Mapping[str, Any]) -> SessionConfig:
        """This configuration with the fields of a `session.update`: what it leaves out stays, null resets."""
        return SessionConfig.model_validate(self.merged(patch))

    def merged(self, patch: Mapping[str, Any]) -> dict[str, Any]:
        """What `updated` checks: the present configuration with the patch laid over it."""
        return _merged(self.model_dump(), patch)


def _merged(current: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(current)
    for key, value in patch.items():
        old = result.get(key)
        if value is None and key != "turn_detection":  # null means push-to-talk there, the default elsewhere
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(old, dict) and not _is_other_kind(old, value):
            result[key] = _merged(old, value)
        else:
            result[key] = value
    return result


def _is_other_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a tagged object is exchanged for one with another tag: then nothing of the old one stays."""
    return "type" in new and new["type"] != old.get("type")
