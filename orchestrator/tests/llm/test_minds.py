"""What holds for every language model, whichever it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from antiphon_orchestrator.llm.echo import EchoLlm
from antiphon_orchestrator.llm.local import LocalLlm
from antiphon_orchestrator.llm.resilient import ResilientLlm
from antiphon_orchestrator.ports import ChatMessage, ChatRequest, Llm
from antiphon_orchestrator.testing.chat_endpoint import ChatEndpoint, words
from antiphon_orchestrator.testing.llm import ScriptedLlm
from llm.asking import NewLlm, all_of, text_of, until
from llm.llama import is_at_work

COUNT = ChatRequest((ChatMessage("user", "Count: " + "one two three four five " * 10),), max_tokens=60)


@dataclass
class Mind:
    """A language model that has long answers, and how to see whether it is at work."""

    llm: Llm
    is_idle: Callable[[], bool] = lambda: True


@pytest.fixture
def scripted() -> Mind:
    llm = ScriptedLlm()
    llm.will(*[("one ", 0.01) * 50] * 20)
    return Mind(llm, lambda: llm.running == 0)


@pytest.fixture
def resilient(scripted: Mind) -> Mind:
    return replace(scripted, llm=ResilientLlm(scripted.llm))


@pytest.fixture
def echo() -> Mind:
    return Mind(EchoLlm())


@pytest.fixture
def openai(endpoint: ChatEndpoint, new_llm: NewLlm) -> Mind:
    endpoint.will(*[words(*("one ", 0.01) * 50)] * 20)
    return Mind(new_llm(), lambda: endpoint.running == 0)


@pytest.fixture
async def local(model_folder: Callable[[str], Path]) -> AsyncIterator[Mind]:
    async with LocalLlm(model_folder("smollm2-135m-instruct")) as llm:
        yield Mind(llm, lambda: not is_at_work(llm))


@pytest.fixture(
    params=[
        "echo",
        "scripted",
        "resilient",
        "openai",
        pytest.param("local", marks=[pytest.mark.integration, pytest.mark.timeout(60)]),
    ]
)
def mind(request: pytest.FixtureRequest) -> Mind:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


async def test_only_the_last_delta_has_a_reason_to_end(mind: Mind) -> None:
    *deltas, last = await all_of(mind.llm, COUNT)
    assert deltas
    assert all(delta.text and not delta.finish_reason for delta in deltas)
    assert last.finish_reason
    assert not last.text
    await until(mind.is_idle)


async def test_a_closed_answer_stops_the_work_behind_it(mind: Mind) -> None:
    deltas = mind.llm.chat(COUNT)
    await anext(deltas)
    await deltas.aclose()
    await until(mind.is_idle)
    assert [delta async for delta in deltas] == []


async def test_an_answer_that_was_never_begun_costs_nothing(mind: Mind) -> None:
    await mind.llm.chat(COUNT).aclose()
    assert mind.is_idle()


async def test_a_cancelled_answer_stops_the_work_behind_it(mind: Mind) -> None:
    asking = asyncio.create_task(all_of(mind.llm, COUNT))
    for _ in range(3):
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking})
    await until(mind.is_idle)


async def test_several_answers_at_once_all_come_to_their_end(mind: Mind) -> None:
    texts = await asyncio.gather(*(text_of(mind.llm, replace(COUNT, conversation=f"c{n}")) for n in range(3)))
    assert all(texts)
    await until(mind.is_idle)


async def test_an_answer_thrown_away_does_not_disturb_the_next(mind: Mind) -> None:
    for _ in range(3):
        async with aclosing(mind.llm.chat(COUNT)) as deltas:
            await anext(deltas)
    assert await text_of(mind.llm, COUNT)
    await until(mind.is_idle)


async def test_to_prepare_changes_no_answer(mind: Mind) -> None:
    await mind.llm.prepare(COUNT)
    assert await text_of(mind.llm, COUNT)
    await until(mind.is_idle)
