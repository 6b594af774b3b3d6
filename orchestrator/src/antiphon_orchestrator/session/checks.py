"""What a session refuses whoever asks for it: voices there are not, and what would make it too large."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon_orchestrator.session.conversation import Conversation, Item
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.speech.policies import stand_in_for


def check_voice(voice: str, known: Sequence[str], settings: SessionSettings) -> None:
    """As long as no worker is there, any voice may turn out to be known; and one that nobody has yet may have a
    stand-in."""
    wanted = settings.aliases.voice("", voice)
    there = {*known, *(name.partition("/")[0] for name in known)}
    if wanted and known and there.isdisjoint((wanted, stand_in_for(wanted, settings.fallbacks))):
        raise Refusal(
            f"Invalid value: '{voice}'. Supported values are: {', '.join(repr(name) for name in known)}.",
            code="invalid_value",
            param="session.audio.output.voice",
        )


def check_room_for(item: Item, conversation: Conversation, settings: SessionSettings) -> None:
    """Whether the conversation may grow by this."""
    chars, limit = item.characters, settings.max_item_chars
    if chars > limit:
        raise Refusal(
            f"The item has {chars} characters; at most {limit} are allowed.",
            code="string_above_max_length",
            param="item",
        )
    if len(conversation) >= settings.max_items:
        raise Refusal(
            f"The conversation has {len(conversation)} items, which is the most; delete some first.",
            code="too_many_items",
            param="item",
        )
