"""Between one client's messages and its session: events in, events out, refusals as error events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import ValidationError

from antiphon_orchestrator.api.codec import AudioIn
from antiphon_orchestrator.api.realtime import client_events as ce
from antiphon_orchestrator.api.realtime.audio_text import check_audio, heard_pieces
from antiphon_orchestrator.api.realtime.faults import Fault, fault_of
from antiphon_orchestrator.api.realtime.items import to_domain, untranscribed_audio
from antiphon_orchestrator.keeping.keeper import Keeper
from antiphon_orchestrator.ports import HeardSamples
from antiphon_orchestrator.session.commands import Commands
from antiphon_orchestrator.session.outlet import Emit
from antiphon_orchestrator.session.planner import Wish
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.session.session import Session

Ear = Callable[[HeardSamples], None]
Clean = Callable[[HeardSamples], HeardSamples]
MAX_TEXT_BYTES = 1024 * 1024
"""The longest message without audio."""


class Bridge:
    """One client's. Ears listen through `clean`, if there is one; `ear` hears what the session hears; `keeper` keeps it
    so that it can be resumed."""

    def __init__(
        self,
        session: Session,
        emit: Emit,
        ear: Ear | None = None,
        clean: Clean | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self._session = session
        self.keeper = keeper
        self._ear = ear
        self._clean = clean
        self._commands = Commands(session)
        self._emit = emit
        self._audio_in = AudioIn(session.config.audio.input.format.type)
        self._handlers: dict[type, Callable[[Any], None]] = {
            ce.SessionUpdate: self._update,
            ce.AudioCommit: lambda _: self._commands.commit(),
            ce.AudioClear: lambda _: self._commands.clear(),
            ce.OutputClear: lambda _: self._commands.clear_output(),
            ce.ItemDelete: lambda event: self._commands.delete_item(event.item_id),
            ce.ItemRetrieve: lambda event: self._commands.retrieve_item(event.item_id),
            ce.ItemTruncate: lambda event: self._commands.truncate_item(
                event.item_id, event.content_index, event.audio_end_ms
            ),
            ce.ResponseCreate: self._create_response,
            ce.ResponseCancel: lambda event: self._commands.cancel_response(event.response_id),
            ce.Ping: lambda _: emit("antiphon.pong"),
            ce.Played: lambda event: session.played(event.item_id, event.audio_ms),
        }

    def greet(self) -> None:
        """The first event of every session."""
        self._emit("session.created", session=session_resource(self._session))
        if self.keeper is not None:
            self.keeper.greet()

    async def receive(self, message: str | bytes) -> None:
        """Carries out one message of the client, or tells it why not. Others get their turn after each."""
        if self._session.is_over:
            return
        event_id = None
        try:
            event = ce.parse(message)
            event_id = event.event_id
            match event:
                case ce.AudioAppend():
                    await self._append(event)
                case ce.ItemCreate():
                    await self._create_item(event)
                case _:
                    _require_short(message)
                    self._handlers[type(event)](event)
        except ce.Rejected as rejected:
            self._emit("error", error=rejected.fault.as_error(rejected.event_id))
        except Refusal as refusal:
            self._emit("error", error=refusal.as_error(event_id))
        await asyncio.sleep(0)

    async def _append(self, event: ce.AudioAppend) -> None:
        await asyncio.sleep(0)  # to parse a long message took a while
        check_audio(event.audio, self._audio_in)
        for samples in heard_pieces(event.audio, self._audio_in):
            self.hear(samples)
            await asyncio.sleep(0)

    def hear(self, samples: HeardSamples) -> None:
        """The user's next audio, whatever brought it."""
        if self._clean is not None:
            samples = self._clean(samples)
        self._session.hear(samples)
        if self._ear is not None:
            self._ear(samples)

    def _update(self, event: ce.SessionUpdate) -> None:
        if "type" not in event.session:
            # The real API wants it; some clients leave it out.
            event.session["type"] = "realtime"
        before = self._session.config.audio.input.format.type
        try:
            self._commands.update(event.session)
        except ValidationError as error:
            raise fault_of(error, self._session.config.merged(event.session), "session") from error
        if (media_type := self._session.config.audio.input.format.type) != before:
            self._audio_in = AudioIn(media_type)
        self._emit("session.updated", session=session_resource(self._session))

    async def _create_item(self, event: ce.ItemCreate) -> None:
        audio = [await self._recording(text) for text in untranscribed_audio(event.item)]
        samples = np.concatenate(audio) if audio else None
        if self._session.is_over:
            return
        self._commands.create_item(to_domain(event.item), event.previous_item_id, samples)

    async def _recording(self, text: str) -> HeardSamples:
        audio = AudioIn(self._session.config.audio.input.format.type)
        check_audio(text, audio, "item.content")
        pieces = []
        for samples in heard_pieces(text, audio):
            pieces.append(samples)
            await asyncio.sleep(0)
        return np.concatenate((*pieces, audio.finish()))

    def _create_response(self, event: ce.ResponseCreate) -> None:
        params = event.response or ce.ResponseParams()
        output = params.audio.output if params.audio else None
        self._require_own_format(output)
        voice = output.voice if output else None
        self._commands.create_response(
            Wish(
                event_id=event.event_id,
                out_of_band=params.conversation == "none",
                items=None if params.input is None else tuple(self._input_item(item) for item in params.input),
                instructions=params.instructions,
                spoken=None if params.output_modalities is None else params.output_modalities == ["audio"],
                voice=voice if voice is None or isinstance(voice, str) else voice.id,
                max_tokens=params.max_output_tokens,
                tools=None if params.tools is None else tuple(params.tools),
                tool_choice=params.tool_choice,
                metadata=params.metadata,
            )
        )

    def _require_own_format(self, output: ce.ResponseOutput | None) -> None:
        own = self._session.config.audio.output.format
        if output is not None and output.format not in (None, own):
            raise Fault(
                f"A response has the session's output format, which is '{own.type}'; change it by session.update.",
                code="invalid_value",
                param="response.audio.output.format",
            )

    def _input_item(self, item: Any) -> Any:
        if isinstance(item, ce.ItemReference):
            return self._commands.item(item.id)
        return to_domain(item)


def _require_short(message: str | bytes) -> None:
    if len(message) > MAX_TEXT_BYTES:
        raise Fault(
            f"The message is {len(message)} bytes long; without audio at most {MAX_TEXT_BYTES} are allowed.",
            code="invalid_value",
        )


def session_resource(session: Session) -> dict[str, Any]:
    """The session as clients see it."""
    return {"object": "realtime.session", "id": session.id, **session.config.model_dump(mode="json")}
