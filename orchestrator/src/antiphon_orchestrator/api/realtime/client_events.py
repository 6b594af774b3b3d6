"""Events that clients send, parsed or refused with the fault the real API would name."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, TypeAdapter, ValidationError

from antiphon_orchestrator.api.realtime.faults import Fault, fault_of
from antiphon_orchestrator.api.realtime.items import ClientItem
from antiphon_orchestrator.session.config import (
    AudioFormat,
    FunctionTool,
    MaxTokens,
    Modalities,
    Strict,
    ToolChoice,
    VoiceId,
)

_MAX_COMMAS = 100_000
"""Many small values take long to read, and no event needs them; audio, which is long, is one value."""
_MAX_DEPTH = 64


class _Event(Strict):
    event_id: Annotated[str, Field(max_length=512)] | None = None


class SessionUpdate(_Event):
    """Changes the session's configuration. Checked in two steps: the patch is merged first."""

    type: Literal["session.update"]
    session: dict[str, Any]


class AudioAppend(_Event):
    """A piece of the user's audio."""

    type: Literal["input_audio_buffer.append"]
    audio: str


class AudioCommit(_Event):
    """Push-to-talk: the user's turn is complete."""

    type: Literal["input_audio_buffer.commit"]


class AudioClear(_Event):
    """Forgets what was appended and not committed."""

    type: Literal["input_audio_buffer.clear"]


class OutputClear(_Event):
    """Stops what is being played."""

    type: Literal["output_audio_buffer.clear"]


class ItemCreate(_Event):
    """Adds an item to the conversation."""

    type: Literal["conversation.item.create"]
    item: ClientItem
    previous_item_id: str | None = None


class ItemDelete(_Event):
    """Takes an item out of the conversation."""

    type: Literal["conversation.item.delete"]
    item_id: str


class ItemRetrieve(_Event):
    """Asks for an item as the server has it."""

    type: Literal["conversation.item.retrieve"]
    item_id: str


class ItemTruncate(_Event):
    """Tells how much of a spoken item was heard."""

    type: Literal["conversation.item.truncate"]
    item_id: str
    content_index: Annotated[int, Field(ge=0)]
    audio_end_ms: Annotated[int, Field(ge=0)]


class ResponseOutput(Strict):
    """How one answer shall sound."""

    format: AudioFormat | None = None
    voice: str | VoiceId | None = None


class ResponseAudio(Strict):
    """Audio of one answer."""

    output: ResponseOutput | None = None


class ItemReference(Strict):
    """An item that is in the conversation already."""

    type: Literal["item_reference"]
    id: str


class ResponseParams(Strict):
    """What one answer shall be like, where it differs from the session."""

    audio: ResponseAudio | None = None
    conversation: Literal["auto", "none"] | None = None
    input: list[ItemReference | ClientItem] | None = None
    instructions: str | None = None
    max_output_tokens: MaxTokens | None = None
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None
    output_modalities: Modalities | None = None
    parallel_tool_calls: bool | None = None
    tool_choice: ToolChoice | None = None
    tools: list[FunctionTool] | None = None
    prompt: Any = None
    reasoning: Any = None


class ResponseCreate(_Event):
    """Asks for an answer."""

    type: Literal["response.create"]
    response: ResponseParams | None = None


class ResponseCancel(_Event):
    """Ends an answer."""

    type: Literal["response.cancel"]
    response_id: str | None = None


class Ping(_Event):
    """Of our own: asks for an `antiphon.pong`, to know how long the way is."""

    type: Literal["antiphon.ping"]


class Played(_Event):
    """Of our own: so much of an item's audio has been played, and it goes on."""

    type: Literal["antiphon.output.played"]
    item_id: str
    audio_ms: Annotated[int, Field(ge=0)]


ClientEvent = (
    SessionUpdate
    | AudioAppend
    | AudioCommit
    | AudioClear
    | OutputClear
    | ItemCreate
    | ItemDelete
    | ItemRetrieve
    | ItemTruncate
    | ResponseCreate
    | ResponseCancel
    | Ping
    | Played
)
_EVENTS: TypeAdapter[ClientEvent] = TypeAdapter(Annotated[ClientEvent, Field(discriminator="type")])
EVENT_TYPES: tuple[str, ...] = tuple(
    get_args(event.model_fields["type"].annotation)[0] for event in get_args(ClientEvent)
)


class Rejected(Exception):
    """A client event that is not carried out, and the event's own id if it had one."""

    def __init__(self, fault: Fault, event_id: str | None) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.event_id = event_id


def parse(text: str | bytes) -> ClientEvent:
    """The event in a message, or Rejected."""
    try:
        given = _parsed(text)
    except (ValueError, RecursionError) as error:
        raise Rejected(Fault(f"The message is not valid JSON: {error}.", code="invalid_json"), None) from error
    if not isinstance(given, dict):
        raise Rejected(Fault("The message must be a JSON object with a 'type'.", code="invalid_json"), None)
    event_id = given.get("event_id")
    try:
        return _EVENTS.validate_python(given)
    except ValidationError as error:
        raise Rejected(fault_of(error, given), event_id if isinstance(event_id, str) else None) from error


def _parsed(message: str | bytes) -> Any:
    text = message if isinstance(message, str) else message.decode()
    if text.count(",") > _MAX_COMMAS:
        raise ValueError(f"it has more than {_MAX_COMMAS} commas")
    given = json.loads(text, parse_constant=_no_number)
    if "\\" in text and ("\\ud" in text or "\\uD" in text):
        json.dumps(given, ensure_ascii=False).encode()  # half a surrogate pair is no text, and nobody could take it
    if _is_deep(given, _MAX_DEPTH):
        raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")
    return given


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _is_deep(value: object, depth: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth < 0 or any(_is_deep(part, depth - 1) for part in inner)
