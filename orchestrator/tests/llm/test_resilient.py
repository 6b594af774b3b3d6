from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from antiphon_core.errors import EngineFailed
from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.llm.resilient import ResilientLlm
from antiphon_orchestrator.ports import ChatDelta, ToolCall
from antiphon_orchestrator.testing.llm import ScriptedLlm, Silence, Step
from antiphon_orchestrator.testing.virtual_time import run_virtually
from llm.asking import QUESTION, all_of, text_of

HANG = Silence.HANG


def gone(kind: Kind = Kind.UNREACHABLE, retry_after_ms: int = 0) -> LlmFailed:
    return LlmFailed(kind, "gone", retry_after_ms=retry_after_ms)


class Trial:
    """One answer of a scripted model behind a resilient one, in virtual time."""

    def __init__(self, *answers: tuple[Step, ...]) -> None:
        self.inner = ScriptedLlm(*answers)
        self.said = ""
        self.failure: LlmFailed | None = None
        self.took_s = 0.0
        run_virtually(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        try:
            async with aclosing(ResilientLlm(self.inner, first_s=8, between_s=5, pause_s=0.1).chat(QUESTION)) as deltas:
                async for delta in deltas:
                    self.said += delta.text
        except LlmFailed as failure:
            self.failure = failure
        self.took_s = loop.time() - started_s
        assert self.inner.running == 0

    @property
    def tries(self) -> int:
        return len(self.inner.asked)


def test_a_good_answer_is_given_on_unchanged() -> None:
    answer: tuple[Step, ...] = ("Hi ", "you", ToolCall("c1", "weather", "{}"))

    async def both() -> None:
        assert await all_of(ResilientLlm(ScriptedLlm(answer))) == await all_of(ScriptedLlm(answer))

    run_virtually(both())


@pytest.mark.parametrize("failure", [gone(), gone(Kind.FAILED), gone(Kind.BROKE_OFF), EngineFailed("x"), OSError("y")])
def test_a_failure_before_the_first_word_is_tried_once_more(failure: Exception) -> None:
    trial = Trial((failure,), ("Hi",))
    assert (trial.said, trial.failure, trial.tries) == ("Hi", None, 2)
    assert trial.inner.asked[0] == trial.inner.asked[1]
    assert trial.took_s == pytest.approx(0.1)


def test_a_stall_before_the_first_word_is_tried_once_more() -> None:
    trial = Trial((HANG,), ("Hi",))
    assert (trial.said, trial.failure, trial.tries) == ("Hi", None, 2)
    assert trial.took_s == pytest.approx(8.1)
    assert trial.inner.closed == 1


def test_there_is_no_third_try() -> None:
    trial = Trial((gone(),), (HANG,), ("Hi",))
    assert trial.tries == 2
    assert trial.failure is not None
    assert trial.failure.kind is Kind.STALLED
    assert "said nothing for 8 s" in trial.failure.message


@pytest.mark.parametrize("failure", [gone(), OSError("gone")])
def test_a_failure_after_the_first_word_is_told_and_nothing_said_twice(failure: Exception) -> None:
    trial = Trial(("Hi ", failure), ("Hi",))
    assert (trial.said, trial.tries) == ("Hi ", 1)
    assert trial.failure is not None


def test_a_failure_after_a_call_is_told_and_nothing_called_twice() -> None:
    trial = Trial((ToolCall("c1", "weather", "{}"), gone()), ("Hi",))
    assert trial.tries == 1
    assert trial.failure is not None


def test_a_stall_between_words_is_told() -> None:
    trial = Trial(("Hi ", HANG))
    assert trial.failure is not None
    assert trial.failure.kind is Kind.STALLED
    assert trial.took_s == pytest.approx(5.0)


def test_a_slow_answer_within_its_limits_is_no_stall() -> None:
    trial = Trial((7.9, "a", 4.9, "b", 4.9, "c", 4.9))
    assert (trial.said, trial.failure) == ("abc", None)


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.BAD_REQUEST])
def test_what_will_be_refused_again_is_not_tried_again(kind: Kind) -> None:
    trial = Trial((gone(kind),), ("Hi",))
    assert trial.tries == 1
    assert trial.failure is not None
    assert trial.failure.kind is kind


def test_a_busy_endpoint_is_tried_again_when_it_wants_it() -> None:
    trial = Trial((gone(Kind.RATE_LIMITED, retry_after_ms=900),), ("Hi",))
    assert trial.said == "Hi"
    assert trial.took_s == pytest.approx(0.9)


def test_a_very_busy_endpoint_is_not_waited_for() -> None:
    trial = Trial((gone(Kind.RATE_LIMITED, retry_after_ms=5_000),), ("Hi",))
    assert trial.tries == 1
    assert trial.failure is not None
    assert trial.took_s == 0


def test_whatever_is_raised_inside_comes_out_as_one_kind_of_failure() -> None:
    trial = Trial((ValueError("a bug"),), (ValueError("a bug"),))
    assert trial.failure is not None
    assert trial.failure.kind is Kind.FAILED
    assert trial.failure.message == "the language model failed: ValueError: a bug"


@pytest.mark.parametrize("answer", [(HANG,), ("Hi ", HANG), (gone(),)])
def test_an_answer_can_be_thrown_away_at_any_moment(answer: tuple[Step, ...]) -> None:
    async def throw_away() -> None:
        inner = ScriptedLlm(answer)
        asking = asyncio.create_task(text_of(ResilientLlm(inner)))
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.wait({asking})
        assert asking.cancelled()
        assert (inner.running, len(inner.asked)) == (0, 1)

    run_virtually(throw_away())


def test_an_answer_without_a_word_is_an_answer() -> None:
    trial = Trial(())
    assert (trial.said, trial.failure, trial.tries) == ("", None, 1)


def test_preparing_is_passed_on() -> None:
    async def prepare() -> None:
        inner = ScriptedLlm()
        await ResilientLlm(inner).prepare(QUESTION)
        assert inner.prepared == [QUESTION]

    run_virtually(prepare())


def test_deltas_of_any_kind_can_be_scripted() -> None:
    delta = ChatDelta("Hi", finish_reason="length")

    async def ask() -> None:
        assert (await all_of(ScriptedLlm((delta,))))[0] == delta

    run_virtually(ask())
