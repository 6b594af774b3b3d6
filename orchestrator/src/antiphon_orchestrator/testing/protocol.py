"""Checks server events against the types of OpenAI's own SDK, which must be installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from antiphon_orchestrator.api.realtime.outbox import OWN_PREFIX

_BEYOND_THE_TYPES = frozenset(
    f"{event}.session.{name}" for event in ("session.created", "session.updated") for name in ("object", "id")
)
"""Fields that the protocol's documentation has, and the SDK's types have not."""


@cache
def _models() -> Mapping[str, type[BaseModel]]:
    from openai.types.realtime import RealtimeServerEvent

    members = get_args(get_args(RealtimeServerEvent)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in members}


def check_server_event(event: Mapping[str, Any]) -> None:
    """Raises if the SDK has no such event, a field is missing or of a wrong type, or one is unknown to it."""
    if event["type"].startswith(OWN_PREFIX):
        return
    model = _models().get(event["type"])
    if model is None:
        raise ValueError(f"the protocol has no server event {event['type']!r}")
    unknown = sorted(set(_unknown_fields(model.model_validate(event), event["type"])) - _BEYOND_THE_TYPES)
    if unknown:
        raise ValueError(f"the protocol has no field {', '.join(unknown)}")


def _unknown_fields(value: object, path: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            yield f"{path}.{name}"
        for name in type(value).model_fields:
            yield from _unknown_fields(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_fields(item, f"{path}[{index}]")


def server_event_types() -> frozenset[str]:
    """The types of all server events that the SDK knows."""
    return frozenset(_models())
