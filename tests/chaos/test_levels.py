"""What a process holds in the end is held against what its kind held before."""

from __future__ import annotations

from levels import leaks

BEFORE = {
    "server-0": {"tasks": 11.0, "threads": 4.0, "MB": 120.0},
    "server-1": {"tasks": 12.0, "threads": 4.0, "MB": 121.0},
    "worker-0": {"tasks": 9.0, "threads": 6.0, "MB": 110.0},
}


def test_as_much_as_before_is_no_leak() -> None:
    assert not leaks(BEFORE, BEFORE)
    assert not leaks(BEFORE, {"server-0": {"tasks": 12.0, "threads": 4.0, "MB": 150.0}})


def test_a_task_or_a_thread_more_is_one() -> None:
    assert leaks(BEFORE, {"server-1": {"tasks": 13.0, "threads": 5.0, "MB": 150.0}}) == [
        "server-1: 13 tasks, 12 before",
        "server-1: 5 threads, 4 before",
    ]


def test_workers_keep_the_threads_of_their_places() -> None:
    assert not leaks(BEFORE, {"worker-0": {"tasks": 9.0, "threads": 60.0, "MB": 110.0}})
    assert leaks(BEFORE, {"worker-0": {"tasks": 9.0, "threads": 60.0, "MB": 170.0}}) == ["worker-0: 170 MB, 110 before"]
