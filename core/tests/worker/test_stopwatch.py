from __future__ import annotations

from antiphon_core.testkit.clock import VirtualClock
from antiphon_core.worker.stopwatch import Stopwatch


def test_it_counts_while_it_runs_only() -> None:
    clock = VirtualClock(100)
    watch = Stopwatch(clock)
    assert (watch.running_s, watch.total_s) == (0, 0)
    watch.start()
    clock.advance(2)
    assert (watch.running_s, watch.total_s) == (2, 2)
    watch.stop()
    clock.advance(5)
    assert (watch.running_s, watch.total_s) == (0, 2)
    watch.start()
    clock.advance(1)
    assert (watch.running_s, watch.total_s) == (1, 3)


def test_starting_or_stopping_twice_changes_nothing() -> None:
    clock = VirtualClock()
    watch = Stopwatch(clock)
    watch.stop()
    watch.start()
    clock.advance(2)
    watch.start()
    clock.advance(2)
    watch.stop()
    watch.stop()
    assert watch.total_s == 4
