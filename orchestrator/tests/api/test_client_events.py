"""What clients send is understood, or refused in the words of the real API."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from antiphon_orchestrator.api.realtime.client_events import (
    EVENT_TYPES,
    ItemCreate,
    Rejected,
    ResponseCreate,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

USER_MESSAGE = {"type": "message", "role": "user"}


def rejected(event: Any) -> dict[str, Any]:
    with pytest.raises(Rejected) as caught:
        parse(event if isinstance(event, str) else json.dumps(event))
    return caught.value.fault.as_error(caught.value.event_id)


def test_malformed_json_is_named() -> None:
    assert rejected("{")["code"] == "invalid_json"


def test_json_that_is_no_object_is_named() -> None:
    assert rejected([1])["code"] == "invalid_json"


def test_deeply_nested_json_is_an_error_and_no_crash() -> None:
    assert rejected("[" * 100_000)["code"] == "invalid_json"


def test_an_unknown_event_lists_the_known_ones_and_carries_the_clients_id() -> None:
    error = rejected({"type": "foo", "event_id": "e1"})
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "type", "e1")
    assert all(name in error["message"] for name in EVENT_TYPES)


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "input_audio_buffer.append", "audio": 3}, "invalid_type", "audio"),
        ({"type": "input_audio_buffer.commit", "x": 3}, "unknown_parameter", "x"),
        (
            {"type": "conversation.item.create", "item": {**USER_MESSAGE, "content": [{"type": "input_text"}]}},
            "missing_required_parameter",
            "item.content[0].text",
        ),
        (
            {"type": "conversation.item.create", "item": {"type": "message", "role": "x", "content": []}},
            "invalid_value",
            "item.role",
        ),
        ({"type": "conversation.item.create", "item": {"content": []}}, "missing_required_parameter", "item.type"),
        (
            {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": -1},
            "invalid_value",
            "audio_end_ms",
        ),
        (
            {"type": "response.create", "response": {"max_output_tokens": "many"}},
            "invalid_type",
            "response.max_output_tokens",
        ),
        (
            {"type": "response.create", "response": {"output_modalities": ["video"]}},
            "invalid_value",
            "response.output_modalities[0]",
        ),
        ({"type": "response.create", "response": {"tool_choice": "x"}}, "invalid_type", "response.tool_choice"),
        (
            {"type": "response.create", "response": {"input": [{"type": "item_reference"}]}},
            "missing_required_parameter",
            "response.input[0].id",
        ),
    ],
)
def test_the_fault_names_the_field_as_the_client_wrote_it(event: dict[str, Any], code: str, param: str) -> None:
    error = rejected(event)
    assert (error["code"], error["param"]) == (code, param)
    assert param in error["message"] or code == "invalid_value"


def test_a_typed_question_is_understood() -> None:
    content = [{"type": "input_text", "text": "Hello?"}]
    event = parse(json.dumps({"type": "conversation.item.create", "item": {**USER_MESSAGE, "content": content}}))
    assert isinstance(event, ItemCreate)


def test_a_response_may_refer_to_items() -> None:
    event = parse(
        json.dumps({"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "i"}]}})
    )
    assert isinstance(event, ResponseCreate)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "role", "content", "item", "audio", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.sampled_from(EVENT_TYPES), st.dictionaries(st.sampled_from(["item", "response", "session", "audio"]), JSON))
def test_no_event_whatever_its_fields_does_more_than_be_refused(kind: str, fields: dict[str, Any]) -> None:
    with suppress(Rejected):
        parse(json.dumps({"type": kind, **fields}))
