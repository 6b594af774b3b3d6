"""The plan of what goes wrong."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from plan import ALWAYS_WELL, HABITS, REDIS, Kind, Strike, plan

WORKERS = 5


def test_the_same_seed_is_the_same_plan() -> None:
    assert plan(7, 120, WORKERS) == plan(7, 120, WORKERS)
    assert plan(7, 120, WORKERS) != plan(8, 120, WORKERS)


def test_everything_that_can_happen_happens() -> None:
    assert {strike.kind for strike in plan(1, 600, WORKERS)} == set(Kind)


@given(st.integers(0, 10_000))
def test_every_storm_replaces_a_server(seed: int) -> None:
    assert any(strike.kind is Kind.SERVER_END for strike in plan(seed, 60, WORKERS))


def well_s(strike: Strike) -> float:
    return round(strike.at_s + strike.for_s + HABITS[strike.kind].recovery_s, 1)


@given(st.integers(0, 10_000))
def test_enough_workers_are_always_well(seed: int) -> None:
    strikes = [strike for strike in plan(seed, 60, WORKERS) if strike.kind.is_worker]
    for strike in strikes:
        ill = [one for one in strikes if one.at_s <= strike.at_s < well_s(one)]
        assert len(ill) <= WORKERS - ALWAYS_WELL
        assert len({one.target for one in ill}) == len(ill)


@given(st.integers(0, 10_000))
def test_a_server_is_replaced_while_the_other_one_and_redis_are_well(seed: int) -> None:
    strikes = [strike for strike in plan(seed, 60, WORKERS) if not strike.kind.is_worker]
    for strike in strikes:
        assert (strike.target == REDIS) is strike.kind.is_redis
        assert [one for one in strikes if one.at_s <= strike.at_s < well_s(one)] == [strike]
