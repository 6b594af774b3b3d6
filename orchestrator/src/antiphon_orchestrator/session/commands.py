"""What a client may ask of a session. Each method returns at once, or raises a Refusal and has changed nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from antiphon_core.errors import BadRequest

from antiphon_orchestrator.ports import HeardSamples
from antiphon_orchestrator.session.checks import check_room_for
from antiphon_orchestrator.session.conversation import AssistantMessage, Item, UserMessage
from antiphon_orchestrator.session.planner import Wish
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.session.session import Session
from antiphon_orchestrator.turn import events as fl

_T = TypeVar("_T")


class Commands:
    """One client's."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # --------------------------------------------------------------------- session

    def update(self, patch: Mapping[str, Any]) -> None:
        """Changes the configuration; a ValidationError says what is wrong with the patch itself."""
        self._session.configure(self._session.config.updated(patch))

    # ----------------------------------------------------------------------- audio

    def commit(self) -> None:
        """The audio so far is the user's turn."""
        if not self._session.has_uncommitted_audio:
            raise Refusal(
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer "
                "has less.",
                code="input_audio_buffer_commit_empty",
            )
        self._require_not_behind("buffer")
        self._session.tell(fl.CommitRequested())

    def clear(self) -> None:
        """Forget the audio since the last turn."""
        self._session.tell(fl.ClearRequested())
        self._session.emit("input_audio_buffer.cleared")

    def clear_output(self) -> None:
        """Fall silent."""
        self._session.tell(fl.CancelRequested())

    # ----------------------------------------------------------------------- items

    def create_item(self, item: Item, after: str | None, audio: HeardSamples | None = None) -> None:
        """Adds an item. `audio`: a user's recording that is to be recognised; answers wait for its words."""
        conversation = self._session.conversation
        if item.id in conversation:
            raise Refusal(
                f"Item with id '{item.id}' already exists; choose another id or leave it out.",
                code="item_create_duplicate_item_id",
                param="item.id",
            )
        check_room_for(item, conversation, self._session.settings)
        if audio is not None:
            self._require_not_behind("item.content")
        previous = _known(after, lambda: conversation.add(item, after), "item_not_found", "previous_item_id")
        self._session.rethink()
        for type_ in ("conversation.item.added", "conversation.item.done"):
            self._session.emit(type_, item=item.as_json(), previous_item_id=previous)
        if audio is not None and isinstance(item, UserMessage):
            self._session.recognise_item(item, audio)

    def item(self, item_id: str, code: str = "item_not_found") -> Item:
        """An item of the conversation. `code`: what the refusal is called if there is none."""
        return _known(item_id, lambda: self._session.conversation.get(item_id), code)

    def delete_item(self, item_id: str) -> None:
        conversation = self._session.conversation
        _known(item_id, lambda: conversation.remove(item_id), "item_delete_invalid_item_id")
        self._session.rethink()
        self._session.emit("conversation.item.deleted", item_id=item_id)

    def retrieve_item(self, item_id: str) -> None:
        item = self.item(item_id, "item_retrieve_invalid_item_id")
        self._session.emit("conversation.item.retrieved", item=item.as_json())

    def truncate_item(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """The client played so much of an answer and no more: the rest leaves the history."""
        item = self.item(item_id, "item_truncate_invalid_item_id")
        if not isinstance(item, AssistantMessage) or not item.spoken or content_index != 0:
            raise Refusal(
                f"Only the audio of an assistant's message can be truncated (content_index 0); '{item_id}' has none.",
                code="item_truncate_invalid_item_id",
                param="item_id" if content_index == 0 else "content_index",
            )
        try:
            self._session.truncate(item, audio_end_ms)
        except BadRequest as error:
            raise Refusal(f"{error.message}.", code="invalid_value", param="audio_end_ms") from error
        self._session.emit(
            "conversation.item.truncated", item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms
        )

    # ------------------------------------------------------------------- responses

    def create_response(self, wish: Wish) -> None:
        """Asks for an answer; refused by an error event while another one is under way."""
        if wish.out_of_band and not self._session.wants_audio(wish):
            self._session.answer_aside(wish)
        else:
            self._session.respond(wish)

    def cancel_response(self, response_id: str | None) -> None:
        if not self._session.cancel(response_id):
            raise Refusal("Cancellation failed: no active response found.", code="response_cancel_not_active")

    def _require_not_behind(self, param: str) -> None:
        if self._session.is_far_behind:
            raise Refusal(
                "More audio waits to be recognised than can be kept; wait for the transcripts of what was sent.",
                code="rate_limit_exceeded",
                param=param,
            )


def _known(item_id: str | None, get: Callable[[], _T], code: str, param: str = "item_id") -> _T:
    try:
        return get()
    except KeyError:
        raise Refusal(f"Item with {param} not found: '{item_id}'.", code=code, param=param) from None
