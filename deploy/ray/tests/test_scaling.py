"""How many workers an engine should have."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from antiphon_ray.scaling import STREAMS, by_streams
from hypothesis import given
from hypothesis import strategies as st


def wanted(streams: dict[str, float] | None, target: float) -> int:
    metrics = None if streams is None else {STREAMS: streams, "running_requests": {"a": 99.0}}
    context = SimpleNamespace(aggregated_metrics=metrics, config=SimpleNamespace(target_ongoing_requests=target))
    return by_streams(context)[0]


@pytest.mark.parametrize(
    ("streams", "workers"),
    [(None, 0), ({}, 0), ({"a": 0}, 0), ({"a": 1}, 1), ({"a": 2}, 1), ({"a": 3}, 2), ({"a": 1, "b": 4, "c": 0}, 3)],
)
def test_as_many_workers_as_the_streams_fill(streams: dict[str, float] | None, workers: int) -> None:
    assert wanted(streams, 2.0) == workers


@given(st.lists(st.integers(0, 50)), st.integers(1, 20))
def test_no_worker_has_more_than_its_share_and_none_is_too_many(streams: list[int], target: int) -> None:
    workers = wanted({f"replica-{n}": count for n, count in enumerate(streams)}, target)
    assert (workers - 1) * target < sum(streams) <= workers * target
