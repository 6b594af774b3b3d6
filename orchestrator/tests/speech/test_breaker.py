"""A worker that fails rests, longer each time; a success, or a restart, is a new beginning."""

from __future__ import annotations

from dataclasses import replace

import pytest
from antiphon_core.errors import AntiphonError, Draining, EngineFailed, EngineStalled, Full, WorkerGone
from antiphon_core.registry.base import WorkerRecord
from antiphon_orchestrator.speech.breaker import ENGINE_FAILURES, FIRST_REST_S, LONGEST_REST_S, Breaker
from antiphon_orchestrator.testing.server import worker

RECORD = worker("w")
FLEET = (RECORD, worker("other"))


def restarted() -> WorkerRecord:
    return replace(RECORD, description=replace(RECORD.description, incarnation="2"))


@pytest.mark.parametrize("error", [WorkerGone("gone"), EngineStalled("hangs")], ids=repr)
def test_who_is_gone_or_hangs_rests_at_once(error: AntiphonError) -> None:
    breaker = Breaker()
    breaker.failed(RECORD, error, 10.0)
    assert breaker.resting(FLEET, 10.0) == {RECORD.address}
    assert breaker.resting(FLEET, 10.0 + FIRST_REST_S) == frozenset()


@pytest.mark.parametrize("error", [Full("full"), Draining("ends")], ids=repr)
def test_who_is_full_or_ends_did_nothing_wrong(error: AntiphonError) -> None:
    breaker = Breaker()
    for _ in range(9):
        breaker.failed(RECORD, error, 0.0)
    assert breaker.resting(FLEET, 0.0) == frozenset()


def test_an_engine_may_fail_by_a_text_and_not_again_and_again() -> None:
    breaker = Breaker()
    for _ in range(ENGINE_FAILURES - 1):
        breaker.failed(RECORD, EngineFailed("raised"), 0.0)
    assert not breaker.resting(FLEET, 0.0)
    breaker.failed(RECORD, EngineFailed("raised"), 0.0)
    assert breaker.resting(FLEET, 0.0)


def test_each_rest_is_longer_up_to_a_limit() -> None:
    breaker, now_s, rests = Breaker(), 0.0, []
    for _ in range(9):
        breaker.failed(RECORD, WorkerGone("gone"), now_s)
        began_s = now_s
        while breaker.resting(FLEET, now_s):
            now_s += 0.5
        rests.append(now_s - began_s)
    assert rests == [1, 2, 4, 8, 16, *[LONGEST_REST_S] * 4]


def test_a_success_is_a_new_beginning() -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.failed(RECORD, WorkerGone("gone"), 0.0)
    breaker.succeeded(RECORD)
    assert not breaker.resting(FLEET, 0.0)
    breaker.failed(RECORD, WorkerGone("gone"), 0.0)
    assert not breaker.resting(FLEET, FIRST_REST_S)


def test_a_restarted_worker_is_another_one() -> None:
    breaker = Breaker()
    breaker.failed(RECORD, WorkerGone("gone"), 0.0)
    assert not breaker.resting((restarted(),), 0.0)
    breaker.failed(restarted(), WorkerGone("gone"), 0.0)
    assert breaker.resting((restarted(),), 0.0)


def test_who_left_and_rests_no_more_is_forgotten() -> None:
    breaker = Breaker()
    breaker.failed(RECORD, WorkerGone("gone"), 0.0)
    assert breaker.resting((), 0.5)
    assert not breaker.resting((), FIRST_REST_S)
    assert breaker._histories == {}
