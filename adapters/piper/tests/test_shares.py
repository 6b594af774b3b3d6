"""Which run gets how many threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from antiphon_adapter_piper import plugin
from antiphon_adapter_piper.shares import Shares, shares_of
from antiphon_core.models import AdapterSettings
from antiphon_core.testkit import NoFiles


@dataclass
class House:
    """Loads sessions that write down what ran, and may begin another run or fail meanwhile."""

    loaded: list[int] = field(default_factory=list)
    ran: list[int] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def load(self, threads: int) -> Scripted:
        self.loaded.append(threads)
        return Scripted(self, threads)


@dataclass
class Scripted:
    house: House
    threads: int

    def run(self, outputs: Sequence[str] | None, inputs: Mapping[str, Any]) -> list[Any]:
        self.house.ran.append(self.threads)
        self.house.meanwhile()
        return [self.threads]


@pytest.mark.parametrize(
    ("most", "processors", "counts"),
    [
        pytest.param(1, 2, [1, 1, 1, 1], id="one thread stays one"),
        pytest.param(2, 2, [2, 1, 1, 1], id="two processors are divided"),
        pytest.param(4, 4, [4, 2, 1, 1], id="so are four"),
        pytest.param(4, 16, [4, 4, 4, 4], id="there is enough for all"),
        pytest.param(8, 2, [2, 1, 1, 1], id="no more threads than processors"),
    ],
)
def test_runs_at_once_divide_the_processors(most: int, processors: int, counts: list[int]) -> None:
    assert shares_of(most, processors) == counts


def test_each_number_of_threads_is_loaded_once() -> None:
    house = House()
    Shares(house.load, [4, 2, 1, 1])
    assert house.loaded == [4, 2, 1]


def test_a_run_beside_another_has_its_share_and_one_alone_has_all_again() -> None:
    house = House()
    shares = Shares(house.load, [2, 1])

    def two_more() -> None:
        if len(house.ran) < 3:
            shares.run(None, {})

    house.meanwhile = two_more
    assert shares.run(None, {}) == [2]
    assert house.ran == [2, 1, 1]
    shares.run(None, {})
    assert house.ran[-1] == 2


def test_a_run_that_fails_gives_its_threads_back() -> None:
    house = House()
    shares = Shares(house.load, [2, 1])

    def fails() -> None:
        raise ValueError("a bad input")

    house.meanwhile = fails
    for _ in range(2):
        with pytest.raises(ValueError, match="a bad input"):
            shares.run(None, {})
    assert house.ran == [2, 2]


def test_the_processors_are_those_of_this_process() -> None:
    assert shares_of(10_000)[0] == len(os.sched_getaffinity(0))


def test_a_model_that_is_loaded_for_several_numbers_of_threads_declares_the_memory() -> None:
    one, most = (
        plugin.tts_list_models(AdapterSettings(NoFiles(), threads=threads))[0].size_bytes for threads in (1, 10_000)
    )
    copies = len(set(shares_of(10_000)))
    assert most - one == (copies - 1) * (one - 60_000_000) // 2
