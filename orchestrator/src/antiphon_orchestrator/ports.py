"""What a conversation needs from outside: one protocol per part that can be changed for another."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from antiphon_core.utterance import SynthesisEvent

EARS_RATE_HZ = 16_000
"""Everything that listens takes mono float32 samples in -1..1 at this rate."""

HeardSamples = npt.NDArray[np.float32]


# ------------------------------------------------------------------- ears


class Vad(Protocol):
    """Hears whether somebody speaks. Holds the state of one audio stream."""

    window_samples: int

    def probability(self, window: HeardSamples) -> float:
        """How likely the window of exactly `window_samples` holds speech. Takes well under a millisecond."""
        ...

    def reset(self) -> None:
        """Forgets the stream so far."""
        ...


class TurnDetector(Protocol):
    """Hears whether a speaker has said all they wanted to say."""

    async def finished_probability(self, turn: HeardSamples) -> float:
        """`turn` is the speaker's turn so far, with its trailing silence."""
        ...


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word, in samples at EARS_RATE_HZ from the start of the audio given."""

    text: str
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recogniser understood. `words` is empty where it tells no times."""

    text: str
    language: str = ""
    words: tuple[Word, ...] = ()


class Asr(Protocol):
    """Turns speech into text. One instance serves all sessions."""

    max_samples: int
    """Longer audio must be cut before it is given."""

    async def transcribe(
        self,
        audio: HeardSamples,
        *,
        language: str = "",
        prompt: str = "",
        urgent: bool = True,
        hums: bool = False,
    ) -> Transcript:
        """Recognises a piece of speech. Cancelling it frees the place as soon as the engine allows.

        Work that is not `urgent`, such as a partial transcript, waits behind work that is. `hums`: a listener's "mm-hm"
        is likelier here than a short word that sounds like one. Raises BadRequest for
        audio that is too long, Unsupported for a language it does not know, Full when too much waits, and
        EngineFailed or EngineStalled.
        """
        ...


# ------------------------------------------------------------------- mind


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function the model wants the client to run. `arguments` is JSON text."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One entry of a conversation's history, as the language model sees it."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A function the client offers. `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What the language model is asked. `tool_choice` is "auto", "none", "required" or a function's name.

    Requests of one `conversation` mostly begin alike; a local model remembers what it has read of each.
    """

    messages: Sequence[ChatMessage]
    tools: Sequence[ToolSpec] = ()
    tool_choice: str = "auto"
    temperature: float | None = None
    max_tokens: int | None = None
    model: str = ""
    conversation: str = ""


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """A piece of the answer: text, a piece of a tool call, or the end with its reason and token counts.

    The first piece of a call has its id and name; every piece of the same `tool_index` adds to its arguments.
    """

    text: str = ""
    tool_index: int = 0
    tool_call: ToolCall | None = None
    finish_reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


class Llm(Protocol):
    """Answers. One instance serves all sessions."""

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        """Streams the answer; the last delta, and only that one, has a `finish_reason`.

        Closing the iterator stops the work behind it. Raises LlmFailed.
        """
        ...

    async def prepare(self, request: ChatRequest) -> None:
        """Makes a `chat` that begins with these messages start sooner. Worth it whenever there is time; never fails."""
        ...


# ------------------------------------------------------------------ mouth


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """Which voice shall speak, how, and at which rate frames shall come."""

    voice: str = ""
    language: str = ""
    speed: float = 1.0
    rate_hz: int = 48_000
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Handover:
    """Another worker goes on with an utterance, with the word at `text_offset`.

    Its audio belongs at `sample_offset`: what came after that is void as far as nobody heard it. Offsets go on from
    there, for frames and marks alike.
    """

    text_offset: int
    sample_offset: int


SpeechEvent = SynthesisEvent | Handover


class Speech(Protocol):
    """Speaks texts, whichever worker does it."""

    def speak(
        self, text: str, choice: VoiceChoice, *, session_id: str = "", turn_id: str = "", utterance_id: str = ""
    ) -> AsyncGenerator[SpeechEvent, None]:
        """Yields Started, then frames and marks, then Finished. Closing the iterator cancels the utterance.

        A Handover may come between frames. Raises the conditions of `antiphon_core.errors`.
        """
        ...
