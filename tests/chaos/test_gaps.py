"""A gap is explained by the failures near it, as the orchestrator's log tells them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from answers import Gap
from gaps import Cause, after, explained, failures_in, limit_s, share, without


def line(at_s: float, condition: str, reason: str = "it is gone") -> str:
    when = datetime.fromtimestamp(at_s, tz=UTC).isoformat().replace("+00:00", "Z")
    fields = {"event": "worker failed an utterance", "session": "sess_1", "condition": condition, "reason": reason}
    return json.dumps({**fields, "timestamp": when})


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        (("worker_gone",), Cause.KILLED),
        (("engine_stalled",), Cause.HUNG),
        (("worker_gone", "worker x gave nothing for 3 s"), Cause.SILENT),
    ],
)
def test_the_log_tells_what_failed(told: tuple[str, ...], cause: Cause) -> None:
    (failure,) = failures_in(["{}", line(100.5, *told)])
    assert (failure.at_s, failure.session_id, failure.cause) == (100.5, "sess_1", cause)


def test_a_gap_comes_from_failures_shortly_before_and_within_it() -> None:
    failures = failures_in([line(90.0, "engine_stalled"), line(99.0, "worker_gone"), line(103.0, "worker_gone")])
    gap = explained(Gap(100.0, 1.0), failures)
    assert [failure.at_s for failure in gap.failures] == [99.0]
    assert gap.cause is Cause.KILLED
    assert explained(Gap(80.0, 1.0), failures).cause is Cause.NOTHING


def test_a_worker_that_comes_back_soon_is_waited_for() -> None:
    assert explained(Gap(100.0, 1.0), [], [(99.5, 100.8)]).cause is Cause.WAITED
    assert explained(Gap(100.0, 1.0), [], [(98.0, 99.5)]).cause is Cause.NOTHING


def test_a_failure_without_a_gap_counts_as_none() -> None:
    failures = failures_in([line(50.0, "worker_gone"), line(99.0, "worker_gone")])
    gap = explained(Gap(100.0, 0.3), failures)
    assert after(failures, [gap])[Cause.KILLED] == [0.0, 0.3]


def test_a_gap_in_which_several_failed_counts_for_none_of_them() -> None:
    failures = failures_in([line(99.0, "engine_stalled"), line(100.5, "worker_gone")])
    both = explained(Gap(100.0, 1.0), failures)
    assert both.cause is Cause.HUNG
    assert not any(after(failures, [both]).values())


def test_a_gap_in_which_the_next_worker_may_have_been_stopped_counts_for_none_either() -> None:
    failures = failures_in([line(99.0, "worker_gone")])
    gap = explained(Gap(100.0, 2.0), failures, [(99.5, 101.8)])
    assert not any(after(failures, [gap]).values())
    silent = failures_in([line(103.0, "worker_gone", "worker x gave nothing for 3 s")])
    gap = explained(Gap(100.0, 3.1), silent, [(99.5, 104.0)])
    assert after(silent, [gap])[Cause.SILENT] == [3.1]


def test_gaps_without_a_failure_are_told_apart() -> None:
    waited, none = explained(Gap(100.0, 1.0), [], [(99.5, 100.8)]), explained(Gap(200.0, 0.1), [])
    assert without([none, waited]) == {Cause.WAITED: [1.0], Cause.NOTHING: [0.1]}


def test_as_long_as_noticing_takes_and_half_a_second() -> None:
    assert [limit_s(cause) for cause in (Cause.KILLED, Cause.HUNG, Cause.SILENT)] == [0.5, 1.5, 3.5]
    assert share([0.1, 0.2, 0.3], 95) == 0.3
    assert share([], 95) == 0.0
