"""The small model itself, loaded and asked."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from antiphon_core.errors import CannotLoad
from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.llm.llama_server import LlamaServer
from antiphon_orchestrator.llm.local import LocalLlm, told
from antiphon_orchestrator.llm.resilient import ResilientLlm
from antiphon_orchestrator.ports import ChatMessage, ChatRequest, ToolSpec
from antiphon_orchestrator.settings import INSTRUCTIONS
from llm.asking import all_of, text_of, until
from llm.llama import is_at_work, tokens_read

ModelFolder = Callable[[str], Path]

integration = [pytest.mark.integration, pytest.mark.timeout(60), pytest.mark.asyncio(loop_scope="module")]


def asking(*texts: str, conversation: str = "c") -> ChatRequest:
    """A conversation: what the user and the model said in turn."""
    said = [ChatMessage("assistant" if place % 2 else "user", text) for place, text in enumerate(texts)]
    return ChatRequest([ChatMessage("system", INSTRUCTIONS), *said], temperature=0.0, conversation=conversation)


# ------------------------------------------------------------------- what it is told


def test_examples_stand_between_instructions_and_conversation() -> None:
    messages = told(asking("Hi.", "Hello!", "Why?").messages)
    assert messages[0] == ChatMessage("system", INSTRUCTIONS)
    assert [message.text for message in messages[-3:]] == ["Hi.", "Hello!", "Why?"]
    assert [message.role for message in messages[1:]] == ["user", "assistant"] * (len(messages) // 2 - 1) + ["user"]


def test_of_a_long_conversation_it_is_told_the_last_turns() -> None:
    long = told(asking(*["What is the capital of France?", "The capital of France is Paris."] * 40, "Why?").messages)
    assert long[-1].text == "Why?"
    assert len(long) < 30


def test_long_instructions_are_told_whole() -> None:
    instructions = ChatMessage("system", "Be kind. " * 200)
    assert told([instructions, ChatMessage("user", "Hi.")])[0] == instructions


# ----------------------------------------------------------------------- it itself


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local(model_folder: ModelFolder) -> AsyncIterator[LocalLlm]:
    folder = await asyncio.to_thread(model_folder, "smollm2-135m-instruct")
    async with await asyncio.to_thread(partial(LocalLlm, folder, instructions=INSTRUCTIONS)) as llm:
        yield llm


class TestLocal:
    pytestmark = integration

    async def test_instructions_known_beforehand_are_read_before_anybody_asks(self, local: LocalLlm) -> None:
        for conversation in ("first", "second", "third", "fourth"):
            read = tokens_read(local)
            await text_of(local, asking("Hi.", conversation=conversation))
            assert 0 < tokens_read(local) - read < 15

    @pytest.mark.parametrize(
        ("question", "answer"),
        [
            ("What is the capital of France?", "Paris"),
            ("What do bees make?", "honey"),
        ],
    )
    async def test_it_knows_a_few_things(self, local: LocalLlm, question: str, answer: str) -> None:
        assert answer in await text_of(local, asking(question))

    async def test_it_remembers_what_was_said(self, local: LocalLlm) -> None:
        request = asking("What is the capital of France?", "The capital of France is Paris.", "And of Spain?")
        assert "Madrid" in await text_of(local, request)

    async def test_answers_are_short_and_can_be_spoken(self, local: LocalLlm) -> None:
        for question in (
            "Give me ten tips for learning guitar.",
            "Write a table of fruit in markdown.",
            "Tell a story.",
        ):
            deltas = await all_of(local, asking(question))
            text = "".join(delta.text for delta in deltas)
            assert 0 < len(text) < 700
            assert not set(text) & set("\n\t*#`")
            assert deltas[-1].finish_reason in ("stop", "length")
            assert deltas[-1].output_tokens > 0

    async def test_it_is_told_of_no_tools(self, local: LocalLlm) -> None:
        tool = ToolSpec("weather", "Tells the weather.", {"type": "object", "properties": {}})
        request = replace(asking("What is the capital of France?"), tools=[tool], tool_choice="required")
        assert "Paris" in await text_of(local, request)

    async def test_conversations_at_once_do_not_mix(self, local: LocalLlm) -> None:
        capitals = {"France": "Paris", "Spain": "Madrid", "Italy": "Rome", "Japan": "Tokyo", "Germany": "Berlin"}
        requests = [asking(f"What is the capital of {land}?", conversation=land) for land in capitals]
        texts = await asyncio.gather(*(text_of(local, request) for request in requests))
        for text, city in zip(texts, capitals.values(), strict=True):
            assert city in text

    async def test_what_was_prepared_is_not_read_again(self, local: LocalLlm) -> None:
        before = asking("Why is the sky blue?", "Because of the air.", conversation="prepared")
        await local.prepare(before)
        read = tokens_read(local)
        await text_of(
            local, asking("Why is the sky blue?", "Because of the air.", "And grass?", conversation="prepared")
        )
        assert tokens_read(local) - read < 15

    async def test_dropped_turns_cost_no_second_reading_of_the_rest(self, local: LocalLlm) -> None:
        said: list[str] = []
        costs = []
        for number in range(8):
            said.append(f"What is {number} plus {number}?")
            read = tokens_read(local)
            await text_of(local, asking(*said, conversation="long"))
            costs.append(tokens_read(local) - read)
            said.append(f"It is {2 * number}, if I am not mistaken, and I am quite sure about it.")
        assert max(costs[1:]) < 80

    async def test_a_thrown_away_answer_stops_within_a_few_words(self, local: LocalLlm) -> None:
        async with aclosing(local.chat(asking("Tell me a long story."))) as deltas:
            await anext(deltas)
            assert is_at_work(local)
        async with asyncio.timeout(10):
            await until(lambda: not is_at_work(local))

    async def test_an_answer_thrown_away_while_it_is_read_leaves_its_place(self, local: LocalLlm) -> None:
        request = replace(asking("word " * 500, conversation="read"), max_tokens=100)
        asking_in_vain = asyncio.create_task(text_of(local, request))
        await until(lambda: is_at_work(local))
        asking_in_vain.cancel()
        await asyncio.wait({asking_in_vain})
        assert "Paris" in await text_of(local, asking("What is the capital of France?", conversation="other"))

    async def test_more_than_it_can_read_is_refused(self, local: LocalLlm) -> None:
        with pytest.raises(LlmFailed) as caught:
            await text_of(local, asking("word " * 3000))
        assert caught.value.kind is Kind.BAD_REQUEST
        assert "Paris" in await text_of(local, asking("What is the capital of France?"))

    async def test_a_process_that_dies_is_started_again(self, local: LocalLlm) -> None:
        llm = ResilientLlm(local, first_s=60)
        assert "Paris" in await text_of(llm, asking("What is the capital of France?"))
        died = local.server.pid
        os.kill(died, signal.SIGKILL)
        assert "Paris" in await text_of(llm, asking("What is the capital of France?"))
        assert local.server.pid != died

    async def test_an_answer_on_its_way_when_the_process_dies_breaks_off(self, local: LocalLlm) -> None:
        deltas = local.chat(asking("Tell me a long story."))
        await anext(deltas)
        os.kill(local.server.pid, signal.SIGKILL)
        with pytest.raises(LlmFailed) as caught:
            [delta async for delta in deltas]
        assert caught.value.kind is Kind.BROKE_OFF
        assert "Paris" in await text_of(ResilientLlm(local, first_s=60), asking("What is the capital of France?"))

    async def test_closing_ends_the_process_and_its_folder(self, local: LocalLlm, model_folder: ModelFolder) -> None:
        llm = await asyncio.to_thread(LocalLlm, model_folder("smollm2-135m-instruct"))
        process, folder = psutil.Process(llm.server.pid), Path(llm.server.socket).parent
        async with aclosing(llm.chat(asking("Tell me a long story."))) as deltas:
            await anext(deltas)
            await llm.aclose()
            with pytest.raises(LlmFailed):
                [delta async for delta in deltas]
        assert not process.is_running()
        assert not folder.exists()
        with pytest.raises(LlmFailed, match="was closed"):
            await text_of(llm, asking("Hi."))
        await llm.prepare(asking("Hi."))


@pytest.mark.integration
@pytest.mark.timeout(60)
def test_the_process_does_not_outlive_one_that_is_killed(model_folder: ModelFolder) -> None:
    script = (
        "import sys, time; from pathlib import Path; from antiphon_orchestrator.llm.local import LocalLlm\n"
        "llm = LocalLlm(Path(sys.argv[1])); print(llm.server.pid, llm.server.socket, flush=True); time.sleep(60)"
    )
    folder = str(model_folder("smollm2-135m-instruct"))
    with subprocess.Popen([sys.executable, "-c", script, folder], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, socket = parent.stdout.readline().split()
        child = psutil.Process(int(pid))
        parent.kill()
    child.wait(timeout=10)
    shutil.rmtree(Path(socket).parent)


# -------------------------------------------------------------------------- failures


@pytest.mark.integration
def test_a_file_that_is_no_model_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"no model" * 100)
    with pytest.raises(CannotLoad, match=r"bad\.gguf cannot be loaded: .*invalid magic"):
        LocalLlm(tmp_path)


@pytest.mark.parametrize("names", [(), ("a.gguf", "b.gguf")])
def test_a_folder_without_exactly_one_model_is_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(CannotLoad, match=f"holds {len(names)} GGUF files"):
        LocalLlm(tmp_path)


@pytest.mark.integration
def test_a_model_that_does_not_get_ready_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "slow.gguf").touch()
    server = LlamaServer(tmp_path / "slow.gguf", threads=1, slots=1, context_tokens=256, start_s=0.0)
    with pytest.raises(CannotLoad, match="was not ready within 0 s"):
        server.start()
    assert not server.is_running
    server.close()
