"""The next connection goes where it is served best."""

from __future__ import annotations

from antiphon_orchestrator.processes.balance import Burden, by_preference
from antiphon_orchestrator.processes.house import Alone, share_of


def ready(connections: int = 0, calls: int = 0, given: int = 0) -> Burden:
    return Burden(connections, calls, given, ready=True)


def test_who_carries_least_comes_first() -> None:
    burdens = [ready(connections=3), ready(connections=1, calls=1), ready(given=4), ready()]
    assert by_preference(burdens) == [3, 1, 0, 2]


def test_who_is_not_ready_comes_later_and_who_leaves_last() -> None:
    burdens = [Burden(leaving=True), Burden(), ready(connections=9)]
    assert by_preference(burdens) == [2, 1, 0]


def test_a_burst_is_spread_before_anybody_has_said_anything() -> None:
    burdens = [ready() for _ in range(4)]
    for _ in range(1_000):
        burdens[by_preference(burdens)[0]].given += 1
    assert [burden.given for burden in burdens] == [250] * 4


def test_places_are_dealt_out_and_none_is_lost() -> None:
    class House(Alone):
        def __init__(self, number: int, size: int) -> None:
            self.number, self.size = number, size

    for total, size in ((100, 3), (2, 4), (7, 7), (1, 1)):
        assert sum(share_of(total, House(number, size)) for number in range(1, size + 1)) == total
