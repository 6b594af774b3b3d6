"""What a server knows of the processes beside it. One that is alone knows itself only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from antiphon_orchestrator.keeping.base import Keep
from antiphon_orchestrator.keeping.in_memory import InMemory

Report = dict[str, Any]


class House(Protocol):
    """All processes that share a port."""

    number: int
    size: int

    async def metrics(self, own: Callable[[], str]) -> str:
        """Those of all, summed, in Prometheus' text format."""
        ...

    async def reports(self, own: Callable[[], Report]) -> Sequence[Report]:
        """How each of them is."""
        ...

    async def hang_up(self, call_id: str) -> bool:
        """Ends a call that another one holds; False if nobody does."""
        ...

    def new_keep(self) -> Keep:
        """What they keep together."""
        ...


class Alone:
    """A house of one."""

    number = 1
    size = 1

    async def metrics(self, own: Callable[[], str]) -> str:
        return own()

    async def reports(self, own: Callable[[], Report]) -> Sequence[Report]:
        return [own()]

    async def hang_up(self, call_id: str) -> bool:
        return False

    def new_keep(self) -> Keep:
        return InMemory()


def share_of(total: int, house: House) -> int:
    """How many of so many places this process gives: they are dealt out evenly, the rest to the first ones."""
    return total // house.size + (house.number <= total % house.size)
