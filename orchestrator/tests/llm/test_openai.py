from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import aclosing

import pytest
from antiphon_core.errors import BadSettings
from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.llm.openai import OpenAiLlm
from antiphon_orchestrator.ports import ChatDelta, ChatRequest
from antiphon_orchestrator.testing.chat_endpoint import Act, ChatEndpoint, Script, raw, words
from llm.asking import QUESTION, NewLlm, all_of, text_of, until

HI = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'


async def failure_of(llm: OpenAiLlm) -> LlmFailed:
    with pytest.raises(LlmFailed) as caught:
        await all_of(llm)
    return caught.value


async def test_an_answer_comes_word_by_word_and_ends_with_its_cost(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(words("Hello ", "there."))
    assert await all_of(new_llm()) == [
        ChatDelta("Hello "),
        ChatDelta("there."),
        ChatDelta(finish_reason="stop", input_tokens=7, output_tokens=2),
    ]


async def test_words_are_given_on_as_they_come(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(words("Hello ", Act.HANG))
    async with aclosing(new_llm().chat(QUESTION)) as deltas:
        assert await anext(deltas) == ChatDelta("Hello ")
        assert endpoint.running == 1


async def test_the_endpoint_is_asked_for_the_model_with_the_key(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    llm = new_llm(headers={"X-Title": "antiphon"})
    await all_of(llm)
    await all_of(llm, ChatRequest(QUESTION.messages, model="large"))
    assert [asked["model"] for asked in endpoint.asked] == ["small", "large"]
    assert endpoint.headers[0]["authorization"] == "Bearer secret"
    assert endpoint.headers[0]["x-title"] == "antiphon"


async def test_without_a_key_none_is_sent(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    await all_of(new_llm(api_key=""))
    assert "authorization" not in endpoint.headers[0]


async def test_fields_can_be_added_changed_and_taken_out(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    llm = new_llm(extra={"max_tokens": None, "max_completion_tokens": 50, "temperature": 0.5})
    await all_of(llm, ChatRequest(QUESTION.messages, max_tokens=99, temperature=1.0))
    (asked,) = endpoint.asked
    assert "max_tokens" not in asked
    assert (asked["max_completion_tokens"], asked["temperature"]) == (50, 0.5)


async def test_one_connection_serves_one_answer_after_the_other(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    llm = new_llm()
    for _ in range(5):
        await all_of(llm)
    assert len(endpoint.connections) == 1


async def test_a_connection_is_opened_before_the_first_answer(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    llm = new_llm()
    await llm.prepare(QUESTION)
    assert endpoint.models_asked == 1
    await all_of(llm)
    await llm.prepare(QUESTION)
    assert len(endpoint.connections) == endpoint.models_asked == 1


async def test_to_prepare_never_fails(unused_url: str) -> None:
    async with OpenAiLlm(unused_url, model="small") as llm:
        await llm.prepare(QUESTION)


async def test_ten_answers_at_once_do_not_mix(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(*(words(*(f"{number} " for _ in range(20))) for number in range(10)))
    llm = new_llm()
    texts = await asyncio.gather(*(text_of(llm) for _ in range(10)))
    assert sorted(texts) == [f"{number} " * 20 for number in range(10)]


# ----------------------------------------------------------- all kinds of servers


@pytest.mark.parametrize(
    "script",
    [
        raw(HI, END, b"data: [DONE]\n\n"),
        raw(HI + END + b"data: [DONE]"),
        raw(HI, b"data: [DONE]\n\n"),
        raw(HI, END),
        raw(b": OPENROUTER PROCESSING\r\n\r\n", HI.replace(b"\n", b"\r\n"), END.replace(b"\n", b"\r\n")),
        raw(*(bytes([byte]) for byte in HI + END)),
        raw(b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}', content_type="application/json"),
        raw(b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}],"usage":null}\n\n'),
        raw(b'data:{"choices":[{"delta":{"reasoning_content":"Hm"}}]}\n\n', HI, END),
    ],
)
async def test_every_way_to_say_hi_is_understood(script: Script, endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(script)
    assert await all_of(new_llm()) == [ChatDelta("Hi"), ChatDelta(finish_reason="stop")]


@pytest.mark.parametrize("cut", range(1, 14))
async def test_text_survives_any_cut_of_its_bytes(cut: int, endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    said = 'data: {"choices":[{"delta":{"content":"Grüße €😀"}}]}\n\n'.encode()
    place = said.index("ü".encode()) + cut
    endpoint.will(raw(said[:place], said[place:], END))
    assert await text_of(new_llm()) == "Grüße €😀"


async def test_words_behind_the_reason_to_end_are_still_told(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    early = b'data: {"choices":[{"delta":{"content":"Oh "},"finish_reason":"stop"}]}\n\n'
    endpoint.will(raw(early, HI, END))
    assert await text_of(new_llm()) == "Oh Hi"


@pytest.mark.parametrize("last", [b"", b"data: [DONE]\n\n"])
async def test_a_server_that_never_hangs_up_does_not_hold_the_end_back(
    last: bytes, endpoint: ChatEndpoint, new_llm: NewLlm
) -> None:
    endpoint.will(raw(HI, END, last, Act.HANG))
    assert (await all_of(new_llm()))[-1].finish_reason == "stop"
    await until(lambda: endpoint.running == 0)


# ------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (401, Kind.REFUSED, "API key"),
        (403, Kind.REFUSED, "API key"),
        (404, Kind.BAD_REQUEST, "base URL and name"),
        (307, Kind.BAD_REQUEST, "base URL"),
        (400, Kind.BAD_REQUEST, "no luck"),
        (422, Kind.BAD_REQUEST, "no luck"),
        (408, Kind.STALLED, "no luck"),
        (429, Kind.RATE_LIMITED, "no luck"),
        (500, Kind.FAILED, "no luck"),
        (503, Kind.FAILED, "no luck"),
        (504, Kind.STALLED, "no luck"),
    ],
)
async def test_a_refusal_tells_kind_reason_and_place(
    status: int, kind: Kind, advice: str, endpoint: ChatEndpoint, new_llm: NewLlm
) -> None:
    endpoint.will(raw(b'{"error": {"message": "no luck"}}', status=status, content_type="application/json"))
    failure = await failure_of(new_llm())
    assert failure.kind is kind
    assert failure.may_pass is (kind not in (Kind.REFUSED, Kind.BAD_REQUEST))
    assert failure.subject == f"{endpoint.base_url}/chat/completions"
    for part in (failure.subject, str(status), "no luck", advice):
        assert part in failure.message


@pytest.mark.parametrize(
    ("headers", "retry_after_ms"),
    [
        ({"Retry-After": "2"}, 2000),
        ({"Retry-After": "0.5"}, 500),
        ({"Retry-After-Ms": "70", "Retry-After": "2"}, 70),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0),
        ({"Retry-After": "-1"}, 0),
        ({"Retry-After": "inf"}, 0),
        ({}, 0),
    ],
)
async def test_a_busy_endpoint_tells_when_to_come_again(
    headers: dict[str, str], retry_after_ms: int, endpoint: ChatEndpoint, new_llm: NewLlm
) -> None:
    endpoint.will(raw(b"slow down", status=429, **headers))
    assert (await failure_of(new_llm())).retry_after_ms == retry_after_ms


async def test_a_refusal_without_words_is_told_without_words(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(raw(status=500))
    assert (await failure_of(new_llm())).message == f"{endpoint.base_url}/chat/completions answered 500"


async def test_a_long_refusal_is_read_only_in_part(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(raw(*[b"x" * 65_536] * 50, Act.HANG, status=500))
    assert len((await failure_of(new_llm())).message) < 400


async def test_the_key_is_never_told(endpoint: ChatEndpoint, new_llm: NewLlm, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    endpoint.will(raw(b'{"error": "Incorrect API key provided: secret"}', status=401))
    llm = new_llm()
    failure = await failure_of(llm)
    assert "provided: ***" in failure.message
    assert "secret" not in f"{failure!r} {failure} {llm!r} {caplog.text}"


async def test_a_refusal_is_told_where_there_is_no_key(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(raw(b"no such model", status=404))
    assert "answered 404: no such model" in (await failure_of(new_llm(api_key=""))).message


async def test_a_stream_without_events_is_refused(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(raw(b"x" * (1 << 20), b"x", Act.HANG))
    failure = await failure_of(new_llm())
    assert failure.kind is Kind.BROKE_OFF
    assert "sent no event stream" in failure.message


async def test_an_endpoint_that_does_not_run_cannot_be_reached(unused_url: str) -> None:
    async with OpenAiLlm(unused_url, model="small") as llm:
        failure = await failure_of(llm)
    assert failure.kind is Kind.UNREACHABLE
    assert "check its address and that it runs" in failure.message


@pytest.mark.parametrize("steps", [(Act.HANG,), (HI, Act.HANG), (HI, b": ping\n\n", Act.HANG)])
async def test_an_endpoint_that_falls_silent_has_stalled(
    steps: tuple[bytes | Act, ...], endpoint: ChatEndpoint, new_llm: NewLlm
) -> None:
    endpoint.will(raw(*steps))
    failure = await failure_of(new_llm(stall_s=0.05))
    assert failure.kind is Kind.STALLED
    assert "sent nothing for 0.05 s" in failure.message
    await until(lambda: endpoint.running == 0)


@pytest.mark.parametrize(
    "steps",
    [
        (HI, Act.BREAK_OFF),
        (HI,),
        (),
        (HI, b"data: {oops\n\n"),
        (HI, b"data: <html>\n\n"),
        (HI, b"x" * (1 << 20)),
    ],
)
async def test_an_answer_without_an_end_broke_off(
    steps: tuple[bytes | Act, ...], endpoint: ChatEndpoint, new_llm: NewLlm
) -> None:
    endpoint.will(raw(*steps))
    assert (await failure_of(new_llm())).kind is Kind.BROKE_OFF


async def test_a_failure_inside_the_stream_is_told(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(raw(HI, b'data: {"error": {"message": "out of memory"}}\n\n'))
    failure = await failure_of(new_llm())
    assert failure.kind is Kind.FAILED
    assert "out of memory" in failure.message


async def test_more_answers_at_a_time_than_allowed_are_refused(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(words("Hello ", Act.HANG))
    llm = new_llm(running=1, connect_s=1.0)
    async with aclosing(llm.chat(QUESTION)) as deltas:
        await anext(deltas)
        assert (await failure_of(llm)).kind is Kind.RATE_LIMITED
    assert await text_of(llm) == "Hello there."


async def test_after_every_failure_the_next_answer_comes(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(raw(HI, Act.BREAK_OFF), raw(b"{", status=500), raw(b"junk\n\n"), raw(Act.BREAK_OFF))
    llm = new_llm()
    for _ in range(4):
        await failure_of(llm)
    assert await text_of(llm) == "Hello there."


@pytest.mark.parametrize("base_url", ["", "example.com/v1", "ftp://example.com", "http://", "http://[::1"])
def test_a_base_url_that_is_none_is_refused(base_url: str) -> None:
    with pytest.raises(BadSettings, match="base URL"):
        OpenAiLlm(base_url, model="small")


# ------------------------------------------------------------- thrown away answers


async def test_a_closed_answer_aborts_its_request_at_once(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(words("Hello ", Act.HANG))
    deltas = new_llm().chat(QUESTION)
    await anext(deltas)
    await deltas.aclose()
    await until(lambda: endpoint.running == 0)
    assert endpoint.aborted == 1


@pytest.mark.parametrize("steps", [(Act.HANG,), ("Hello ", Act.HANG)])
async def test_a_cancelled_answer_aborts_its_request_at_once(
    steps: tuple[str | Act, ...], endpoint: ChatEndpoint, new_llm: NewLlm
) -> None:
    endpoint.will(words(*steps))
    asking = asyncio.create_task(all_of(new_llm()))
    await until(lambda: endpoint.running == 1)
    asking.cancel()
    await asyncio.wait({asking})
    await until(lambda: endpoint.running == 0)
    assert endpoint.aborted == 1


async def test_a_hundred_answers_thrown_away_leave_nothing_behind(endpoint: ChatEndpoint, new_llm: NewLlm) -> None:
    endpoint.will(*(words("Hello ", Act.HANG) for _ in range(100)))
    llm = new_llm(running=4)
    before = len(asyncio.all_tasks())
    for _ in range(100):
        async with aclosing(llm.chat(QUESTION)) as deltas:
            await anext(deltas)
    await until(lambda: endpoint.running == 0)
    assert endpoint.aborted == 100
    assert await text_of(llm) == "Hello there."
    await until(lambda: len(asyncio.all_tasks()) <= before)


@pytest.fixture
def unused_url() -> str:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
