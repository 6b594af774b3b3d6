"""Which process gets the next connection. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Burden:
    """What a process carries, as it last said, and what it was given since. `ready`: it can hold conversations;
    `leaving`: it is about to end; `serves`: it takes connections at all."""

    connections: int = 0
    calls: int = 0
    given: int = 0
    ready: bool = False
    leaving: bool = False
    serves: bool = False

    @property
    def weight(self) -> int:
        return self.connections + self.calls + self.given


def by_preference(burdens: Sequence[Burden]) -> list[int]:
    """The places of all, the best first: one that stays, that is ready, that carries least."""
    return sorted(
        range(len(burdens)),
        key=lambda place: (burdens[place].leaving, not burdens[place].ready, burdens[place].weight),
    )
