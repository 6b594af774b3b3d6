from __future__ import annotations

import json
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from antiphon_orchestrator.llm.completions import Answer, body_of, reason_of
from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.ports import ChatDelta, ChatMessage, ChatRequest, ToolCall, ToolSpec
from hypothesis import given
from hypothesis import strategies as st

HELLO = (ChatMessage("user", "Hello"),)
WEATHER = ToolSpec("weather", "Tells the weather.", {"type": "object"})

Json = dict[str, Any]


def answer_of(*chunks: Json | str) -> list[ChatDelta]:
    """The deltas, without the last one."""
    ids = count(1)
    answer = Answer("mind.test", lambda: f"made_{next(ids)}")
    return [delta for chunk in chunks for delta in answer.take(chunk if isinstance(chunk, str) else json.dumps(chunk))]


def piece(**delta: Any) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def calls(*pieces: Json) -> list[tuple[int, str, str, str]]:
    deltas = answer_of(*(piece(tool_calls=[one]) for one in pieces))
    return [
        (delta.tool_index, delta.tool_call.call_id, delta.tool_call.name, delta.tool_call.arguments)
        for delta in deltas
        if delta.tool_call
    ]


# ------------------------------------------------------------------ requests


def test_what_is_not_asked_for_is_not_sent() -> None:
    assert body_of(ChatRequest(HELLO)) == {
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_temperature_and_bound_are_sent() -> None:
    body = body_of(ChatRequest(HELLO, temperature=0.0, max_tokens=99))
    assert (body["temperature"], body["max_tokens"]) == (0.0, 99)


def test_calls_and_their_outputs_are_sent() -> None:
    call = ToolCall("c1", "weather", '{"city":"Rome"}')
    silent, spoken = ChatMessage("assistant", tool_calls=(call,)), ChatMessage("assistant", "Let me see.", (call,))
    output = ChatMessage("tool", "sunny", tool_call_id="c1")
    messages = body_of(ChatRequest((silent, spoken, output)))["messages"]
    sent_call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}
    assert messages == [
        {"role": "assistant", "content": None, "tool_calls": [sent_call]},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [sent_call]},
        {"role": "tool", "content": "sunny", "tool_call_id": "c1"},
    ]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("weather", {"type": "function", "function": {"name": "weather"}}),
    ],
)
def test_tools_are_sent_with_the_choice_among_them(choice: str, sent: object) -> None:
    body = body_of(ChatRequest(HELLO, (WEATHER,), choice))
    function = {"name": "weather", "description": "Tells the weather.", "parameters": {"type": "object"}}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert body["tool_choice"] == sent


def test_without_tools_there_is_no_choice_among_them() -> None:
    assert "tool_choice" not in body_of(ChatRequest(HELLO, tool_choice="required"))


# ------------------------------------------------------------------- answers


def test_text_comes_piece_by_piece() -> None:
    chunks = [piece(role="assistant", content=None), piece(content="Hi"), piece(content=""), piece(content=" you")]
    assert answer_of(*chunks) == [ChatDelta("Hi"), ChatDelta(" you")]


def test_text_may_come_as_parts() -> None:
    parts = [{"type": "thinking", "thinking": "..."}, {"type": "text", "text": "Hi"}, "?"]
    assert answer_of(piece(content=parts)) == [ChatDelta("Hi")]


def test_a_refusal_is_told() -> None:
    assert answer_of(piece(content=None, refusal="I cannot.")) == [ChatDelta("I cannot.")]


def test_what_the_model_thinks_to_itself_is_not_told() -> None:
    assert answer_of(piece(reasoning_content="Hm."), piece(reasoning="Hm."), piece(content=None)) == []


def test_a_server_that_streams_not_is_understood() -> None:
    message = {"role": "assistant", "content": "Hi", "tool_calls": None}
    assert answer_of({"choices": [{"message": message, "finish_reason": "stop"}]}) == [ChatDelta("Hi")]


@pytest.mark.parametrize("chunk", [{}, {"choices": None}, {"choices": []}, {"choices": [{"delta": None}]}])
def test_empty_chunks_are_passed_over(chunk: Json) -> None:
    assert answer_of(chunk) == []


def test_the_last_delta_tells_reason_and_usage() -> None:
    answer = Answer("mind.test")
    chunks = [piece(content="Hi"), {"choices": [{"delta": {}, "finish_reason": "length"}], "usage": None}]
    for chunk in [*chunks, {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 1}}]:
        answer.take(json.dumps(chunk))
    assert answer.end() == ChatDelta(finish_reason="length", input_tokens=7, output_tokens=1)


def test_an_answer_without_a_reason_to_end_just_stopped() -> None:
    assert Answer("mind.test").end() == ChatDelta(finish_reason="stop")


def test_calls_in_pieces_are_told_in_pieces() -> None:
    assert calls(
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"city":'}},
        {"index": 0, "id": "c1", "function": {"name": None, "arguments": '"Rome"}'}},
        {"index": 1, "id": "c2", "function": {"name": "time", "arguments": "{}"}},
    ) == [
        (0, "c1", "weather", ""),
        (0, "", "", '{"city":'),
        (0, "", "", '"Rome"}'),
        (1, "c2", "time", "{}"),
    ]


def test_whole_calls_without_index_are_told_apart() -> None:
    assert calls(
        {"id": "c1", "function": {"name": "weather", "arguments": "{}"}},
        {"id": "c2", "function": {"name": "time", "arguments": "{}"}},
        {"function": {"name": "date", "arguments": "{"}},
        {"function": {"arguments": "}"}},
    ) == [(0, "c1", "weather", "{}"), (1, "c2", "time", "{}"), (2, "made_1", "date", "{"), (2, "", "", "}")]


def test_calls_that_share_an_index_are_told_apart_by_their_ids() -> None:
    assert calls(
        {"index": 0, "id": "c1", "function": {"name": "weather", "arguments": "{}"}},
        {"index": 0, "id": "c2", "function": {"name": "time", "arguments": "{}"}},
    ) == [(0, "c1", "weather", "{}"), (1, "c2", "time", "{}")]


def test_arguments_may_come_as_an_object() -> None:
    assert calls({"index": 0, "id": "c1", "function": {"name": "weather", "arguments": {"city": "Rome"}}}) == [
        (0, "c1", "weather", '{"city": "Rome"}')
    ]


def test_a_call_without_id_is_given_its_own() -> None:
    first, second = (calls({"index": 0, "function": {"name": "weather"}})[0] for _ in range(2))
    assert first == second == (0, "made_1", "weather", "")
    made = Answer("mind.test").take(json.dumps(piece(tool_calls=[{"index": 0, "function": {"name": "weather"}}])))
    (delta,) = made
    assert delta.tool_call is not None
    assert delta.tool_call.call_id.startswith("call_")


# -------------------------------------------------------------------- errors


@pytest.mark.parametrize("data", ["", "Hello", "[]", "{", "<html>", '{"choices": "no"}', '{"usage": 7}'])
def test_what_is_no_chunk_is_an_error_that_shows_it(data: str) -> None:
    with pytest.raises(LlmFailed, match=r"mind\.test sent something that is no piece of an answer") as caught:
        answer_of(data)
    assert caught.value.kind is Kind.BROKE_OFF
    assert data in str(caught.value)


def test_an_error_inside_the_stream_is_told() -> None:
    with pytest.raises(LlmFailed, match=r"mind\.test failed while answering: out of memory") as caught:
        answer_of({"error": {"message": "out of\nmemory", "code": 500}})
    assert caught.value.kind is Kind.FAILED


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "content", "tool_calls", "function", "index", "id", "name", "usage"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(VALUES)
def test_whatever_a_server_sends_is_understood_or_refused(value: object) -> None:
    with suppress(LlmFailed):
        assert all(isinstance(delta.text, str) for delta in answer_of(json.dumps(value)))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("no", "no"),
        ({"message": "no"}, "no"),
        ({"error": {"message": "no"}}, "no"),
        ({"error": "no"}, "no"),
        ({"detail": [{"loc": 1}]}, "[{'loc': 1}]"),
        ({"code": 7}, '{"code": 7}'),
        ("x" * 999, "x" * 200),
    ],
)
def test_the_reason_is_found_wherever_servers_put_it(error: object, reason: str) -> None:
    assert reason_of(error) == reason
