"""Who counts as alive: by signs of life and one's own clock alone."""

from __future__ import annotations

from dataclasses import replace

from antiphon_core.registry.base import Load, WorkerRecord
from antiphon_core.registry.documents import Beat
from antiphon_core.registry.roll import TTL_S, Roll
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from registry_world import description

SOON_S = TTL_S / 2


def new(name: str, number: int = 1, address: str = "", revision: str = "r") -> Beat:
    record = WorkerRecord(address or f"{name}:1", description(name, name))
    return Beat(name, number, revision, record.description.load, record=record)


def sign(name: str, number: int, load: Load | None = None, revision: str = "r") -> Beat:
    return Beat(name, number, revision, load or description().load)


def names(roll: Roll) -> list[str]:
    return [record.description.worker for record in roll.workers()]


def seeing() -> Roll:
    roll = Roll()
    roll.called(0.0)
    return roll


def test_a_worker_is_there_with_its_first_document() -> None:
    roll = seeing()
    assert roll.hear(new("a"), 0.0)
    assert names(roll) == ["a"]


def test_a_beat_without_a_document_tells_who_must_be_asked_for() -> None:
    roll = seeing()
    assert not roll.hear(sign("a", 1), 0.0)
    assert roll.unknown([sign("a", 1)]) == ["a"]
    roll.hear(new("a"), 0.0)
    assert roll.unknown([sign("a", 2)]) == []
    assert roll.unknown([sign("a", 3, revision="s")]) == ["a"]


def test_a_beat_brings_the_load() -> None:
    roll = seeing()
    roll.hear(new("a"), 0.0)
    assert not roll.hear(sign("a", 2), 0.1)
    assert roll.hear(sign("a", 3, Load(9)), 0.2)
    assert roll.workers()[0].description.load.in_flight == 9


def test_who_is_silent_for_too_long_is_gone() -> None:
    roll = seeing()
    roll.hear(new("a"), 0.0)
    roll.hear(sign("a", 2), SOON_S)
    assert roll.called(TTL_S + 0.1) == []
    assert roll.called(TTL_S + SOON_S) == ["a"]
    assert names(roll) == []


def test_the_same_beat_read_again_is_no_sign_of_life() -> None:
    roll = seeing()
    roll.hear(new("a"), 0.0)
    roll.hear(sign("a", 1), TTL_S - 0.1)
    assert roll.called(TTL_S) == ["a"]


def test_an_older_beat_read_late_changes_nothing() -> None:
    roll = seeing()
    roll.hear(new("a"), 0.0)
    roll.hear(sign("a", 3, Load(3)), 0.1)
    assert not roll.hear(sign("a", 2, Load(2)), 0.2)
    assert roll.workers()[0].description.load.in_flight == 3
    assert roll.called(TTL_S + 0.1) == ["a"]


def test_nobody_is_gone_while_the_registry_cannot_be_read() -> None:
    roll = seeing()
    roll.hear(new("a"), 0.0)
    roll.lost_sight()
    assert roll.silent(100.0) == []
    assert not roll.sees
    assert roll.called(100.0) == []
    assert names(roll) == ["a"]


def test_after_an_outage_everybody_has_time_to_be_back() -> None:
    roll = seeing()
    roll.hear(new("a"), 0.0)
    roll.hear(new("b"), 0.0)
    roll.lost_sight()
    roll.called(100.0)
    roll.hear(sign("a", 2), 101.0)
    assert roll.called(100.0 + TTL_S) == ["b"]
    assert names(roll) == ["a"]


def test_who_says_goodbye_is_gone_at_once() -> None:
    roll = seeing()
    roll.hear(new("a"), 0.0)
    assert roll.hear(Beat("a", gone=True), 0.1)
    assert not roll.hear(Beat("a", gone=True), 0.1)
    assert names(roll) == []


def test_a_worker_restarted_at_its_address_takes_it_over() -> None:
    roll = seeing()
    roll.hear(new("old", address="h:1"), 0.0)
    roll.hear(new("new", address="h:1"), 0.1)
    assert names(roll) == ["new"]
    assert roll.unknown([sign("old", 2)]) == ["old"]


def test_the_last_beat_of_a_worker_that_was_replaced_takes_nothing_back() -> None:
    """A registry tells it as long as its keys live, which is longer than a restart takes."""
    roll = seeing()
    roll.hear(new("old", 7, address="h:1"), 0.0)
    roll.hear(new("new", address="h:1"), 0.5)
    assert roll.unknown([sign("old", 7)]) == []
    assert not roll.hear(new("old", 7, address="h:1"), 1.0)
    assert names(roll) == ["new"]


def test_of_two_at_one_address_the_one_that_goes_on_beating_stays() -> None:
    """Whoever looks for the first time does not know which of them was there before."""
    roll = seeing()
    roll.hear(new("new", 3, address="h:1"), 0.0)
    roll.hear(new("old", 7, address="h:1"), 0.0)
    assert roll.unknown([sign("new", 4)]) == ["new"]
    roll.hear(new("new", 4, address="h:1"), 0.5)
    assert not roll.hear(new("old", 7, address="h:1"), 0.6)
    assert names(roll) == ["new"]


def test_who_was_replaced_is_remembered_no_longer_than_the_registry_does() -> None:
    roll = seeing()
    roll.hear(new("old", 7, address="h:1"), 0.0)
    roll.hear(new("new", address="h:1"), 0.5)
    roll.called(0.5 + 2 * TTL_S)
    assert roll.unknown([sign("old", 7)]) == ["old"]


def test_a_worker_that_moves_is_known_once() -> None:
    roll = seeing()
    roll.hear(new("a", address="h:1"), 0.0)
    roll.hear(new("a", 2, address="h:2", revision="s"), 0.1)
    assert [record.address for record in roll.workers()] == ["h:2"]
    roll.hear(new("b", address="h:1"), 0.2)
    assert names(roll) == ["a", "b"]


def test_names_are_told_of_those_that_are_known() -> None:
    roll = seeing()
    roll.hear(new("a"), 0.0)
    assert roll.names(["a", "stranger"]) == ["a"]
    assert roll.workers() is roll.workers()


class AnyOrder(RuleBasedStateMachine):
    """Whatever is heard, read, missed and forgotten, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.roll = Roll()
        self.now_s = 0.0
        self.numbers: dict[str, int] = {}
        self.last_s: dict[str, float] = {}

    @rule(name=st.sampled_from("abc"), port=st.integers(1, 2), whole=st.booleans(), load=st.integers(0, 2))
    def beats(self, name: str, port: int, whole: bool, load: int) -> None:
        number = self.numbers[name] = self.numbers.get(name, 0) + 1
        beat = new(name, number, f"h:{port}", f"r{port}") if whole else sign(name, number, Load(load), f"r{port}")
        if not self.roll.unknown([beat]) or whole:
            self.last_s[name] = self.now_s
        self.roll.hear(beat, self.now_s)

    @rule(name=st.sampled_from("abc"))
    def leaves(self, name: str) -> None:
        self.roll.hear(Beat(name, gone=True), self.now_s)
        assert name not in names(self.roll)

    @rule(by_s=st.sampled_from([0.1, 1.0, TTL_S]))
    def waits(self, by_s: float) -> None:
        self.now_s += by_s

    @rule()
    def outage(self) -> None:
        self.roll.lost_sight()

    @rule()
    def calls(self) -> None:
        for name in self.roll.called(self.now_s):
            assert self.now_s - self.last_s[name] >= TTL_S

    @invariant()
    def an_address_holds_one_worker(self) -> None:
        addresses = [record.address for record in self.roll.workers()]
        assert len(addresses) == len(set(addresses))

    @invariant()
    def what_is_known_has_spoken(self) -> None:
        assert set(names(self.roll)) <= set(self.last_s)


TestAnyOrder = AnyOrder.TestCase


def test_a_record_keeps_its_address() -> None:
    roll = seeing()
    roll.hear(new("a"), 0.0)
    roll.hear(sign("a", 2, Load(1)), 0.1)
    assert roll.workers()[0] == replace(
        new("a").record or WorkerRecord("", description()), description=replace(description("a", "a"), load=Load(1))
    )
