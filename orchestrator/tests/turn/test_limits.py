from __future__ import annotations

from antiphon_orchestrator.turn.events import Announce, Cause, Close
from antiphon_orchestrator.turn.limits import Limits, LimitSettings


def test_without_limits_nothing_is_ever_due() -> None:
    limits = Limits(LimitSettings(), 0)
    assert limits.tick(10**9, idle=True) == ()
    assert limits.turn() == ()
    assert not limits.turns_spent


def test_the_longest_duration_is_announced_once_and_then_strikes() -> None:
    limits = Limits(LimitSettings(duration_ms=60_000, warn_ms=10_000), 1_000)
    assert limits.tick(50_999, idle=False) == ()
    assert limits.tick(51_000, idle=False) == (Announce(Cause.DURATION, remaining_ms=10_000),)
    assert limits.tick(51_020, idle=False) == ()
    assert limits.tick(61_000, idle=False) == (Close(Cause.DURATION),)


def test_a_limit_shorter_than_its_announcement_is_announced_all_the_same() -> None:
    limits = Limits(LimitSettings(idle_ms=100), 0)
    assert limits.tick(500, idle=True) == (Announce(Cause.IDLE, remaining_ms=0),)
    assert limits.tick(520, idle=True) == (Close(Cause.IDLE),)


def test_only_an_idle_session_is_idle_and_whoever_speaks_starts_the_count_again() -> None:
    limits = Limits(LimitSettings(idle_ms=30_000, warn_ms=10_000), 0)
    assert limits.tick(40_000, idle=False) == ()
    assert limits.tick(20_000, idle=True) == (Announce(Cause.IDLE, remaining_ms=10_000),)
    limits.active(25_000)
    assert limits.tick(31_000, idle=True) == ()
    assert limits.tick(45_000, idle=True) == (Announce(Cause.IDLE, remaining_ms=10_000),)
    assert limits.tick(55_000, idle=True) == (Close(Cause.IDLE),)


def test_the_last_turns_are_announced() -> None:
    limits = Limits(LimitSettings(turns=3), 0)
    assert limits.turn() == ()
    assert limits.turn() == (Announce(Cause.TURNS, remaining_turns=1),)
    assert not limits.turns_spent
    assert limits.turn() == (Announce(Cause.TURNS, remaining_turns=0),)
    assert limits.turns_spent
