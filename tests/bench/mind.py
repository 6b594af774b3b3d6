"""What the local mind costs on this machine: `python tests/bench/mind.py`, or with `--sessions 3` for several users.

Needs the orchestrator installed and the model in the store (it is fetched the first time). Times are milliseconds of
wall clock from the request: to the first word, to the first piece that can be spoken, to the end. "Cold" conversations
are the first on their slot and bring instructions that nobody has read yet; all others were prepared, as a session
does while its user speaks.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import psutil
from antiphon_core.store import Store, catalogue_of
from antiphon_orchestrator.llm.local import LocalLlm
from antiphon_orchestrator.ports import ChatMessage, ChatRequest
from antiphon_orchestrator.settings import INSTRUCTIONS
from antiphon_orchestrator.turn.segmenter import Segmenter

QUESTIONS = (
    "Hello, who are you?",
    "What is the capital of France?",
    "And of Spain?",
    "How can I sleep better?",
    "Tell me about the moon.",
    "Why is the sky blue?",
    "What should I cook for dinner tonight?",
    "Thanks, goodbye!",
)
CONVERSATIONS = count()


@dataclass
class Times:
    """Of some answers, in milliseconds."""

    word: list[float] = field(default_factory=list)
    piece: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)
    words_per_s: list[float] = field(default_factory=list)

    def show(self, name: str) -> None:
        row(f"{name}: first word", self.word)
        row(f"{name}: first piece to speak", self.piece)
        row(f"{name}: the end", self.end)
        row(f"{name}: tokens a second", self.words_per_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="conversations per figure")
    parser.add_argument("--sessions", type=int, default=3, help="users who speak at the same time")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of the model")
    parser.add_argument("--model", type=Path, help="a folder with another GGUF file")
    asyncio.run(measure(parser.parse_args()))


async def measure(options: argparse.Namespace) -> None:
    folder = options.model or Store().get(catalogue_of("antiphon_orchestrator").entry("smollm2-135m-instruct"))
    print(f"{'':42} {'p50':>8} {'p95':>8} {'max':>8}")
    began_s = time.perf_counter()
    llm = LocalLlm(folder, threads=options.threads, slots=4)
    row("loaded and warm, ms", [(time.perf_counter() - began_s) * 1000])
    async with llm:
        process = psutil.Process(llm.server.pid)
        cold = Times()
        for number in range(4):
            await answer(llm, [ChatMessage("system", f"{number}. {INSTRUCTIONS}")], QUESTIONS[0], cold, new_name())
        cold.show("cold")
        for sessions in sorted({1, options.sessions}):
            times, cpu_s = Times(), used_s(process)
            for _ in range(options.repeat):
                await asyncio.gather(*(converse(llm, number / sessions, times) for number in range(sessions)))
            times.show(f"{sessions} at once")
            print(f"{sessions} at once: {(used_s(process) - cpu_s) / len(times.end):.2f} s of a core for an answer")
        row("thrown away: the next answer's first word", [await after_another(llm) for _ in range(options.repeat * 3)])
        print(f"RSS of the model's process {process.memory_info().rss / 2**20:.0f} MB")


async def converse(llm: LocalLlm, delay_s: float, times: Times) -> None:
    await asyncio.sleep(delay_s / 10)
    name, said = new_name(), [ChatMessage("system", INSTRUCTIONS)]
    for question in QUESTIONS:
        await llm.prepare(ChatRequest(said, conversation=name))
        text = await answer(llm, said, question, times, name)
        said += [ChatMessage("user", question), ChatMessage("assistant", text)]


async def answer(llm: LocalLlm, said: Sequence[ChatMessage], question: str, times: Times, name: str) -> str:
    request = ChatRequest([*said, ChatMessage("user", question)], conversation=name)
    began_s, segmenter, text, tokens = time.perf_counter(), Segmenter(), "", 0
    word_ms = piece_ms = 0.0
    async with aclosing(llm.chat(request)) as deltas:
        async for delta in deltas:
            now_ms = (time.perf_counter() - began_s) * 1000
            word_ms = word_ms or now_ms
            tokens += bool(delta.text)
            text += delta.text
            if segmenter.push(delta.text) and not piece_ms:
                piece_ms = now_ms
    end_ms = (time.perf_counter() - began_s) * 1000
    times.word.append(word_ms)
    times.piece.append(piece_ms or end_ms)
    times.end.append(end_ms)
    times.words_per_s.append((tokens - 1) / (end_ms - word_ms) * 1000)
    return text.strip()


async def after_another(llm: LocalLlm) -> float:
    """An answer is thrown away after a few words, as a wrong guess is; the right one follows at once."""
    name, times = new_name(), Times()
    said = [ChatMessage("system", INSTRUCTIONS)]
    async with aclosing(llm.chat(ChatRequest([*said, ChatMessage("user", "Tell me")], conversation=name))) as deltas:
        for _ in range(5):
            await anext(deltas, None)
    await answer(llm, said, "Tell me about the moon.", times, name)
    return times.word[0]


def new_name() -> str:
    return f"conversation {next(CONVERSATIONS)}"


def used_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def row(name: str, values: list[float]) -> None:
    p50, p95, worst = np.percentile(values, [50, 95, 100])
    print(f"{name:42} {p50:8.0f} {p95:8.0f} {worst:8.0f}")


if __name__ == "__main__":
    main()
