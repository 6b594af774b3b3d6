"""What goes wrong, when, and for how long: drawn from a seed, and the same for the same seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

ALWAYS_WELL = 2
"""So many workers nothing is the matter with, at any time: one may fail in the moment when another one takes over."""
REDIS = -1
SERVERS = (-2, -3)
"""The targets that are no workers."""


class Kind(Enum):
    """What happens to a worker, to Redis or to a server."""

    KILL = "kill"
    STOP = "stop"
    CUT = "cut"
    END = "end"
    WEDGE = "wedge"
    REDIS_KILL = "redis-kill"
    REDIS_PAUSE = "redis-pause"
    REDIS_CUT = "redis-cut"
    SERVER_END = "server-end"

    @property
    def is_redis(self) -> bool:
        """Whether it happens to Redis."""
        return self.value.startswith("redis")

    @property
    def is_worker(self) -> bool:
        """Whether it happens to a worker."""
        return not self.is_redis and self is not Kind.SERVER_END


@dataclass(frozen=True, slots=True)
class Strike:
    """`target`: a worker's number, REDIS or one of SERVERS. `for_s`: until it is mended, or started again."""

    at_s: float
    kind: Kind
    for_s: float
    target: int

    def __str__(self) -> str:
        whom = f" worker {self.target}" if self.kind.is_worker else ""
        if self.kind is Kind.SERVER_END:
            whom = f" {SERVERS.index(self.target)}"
        return f"{self.at_s:6.1f} s  {self.kind.value}{whom} for {self.for_s:.1f} s"


@dataclass(frozen=True, slots=True)
class _Habit:
    """How often something happens against others, how long it lasts, and how long nothing else may happen there."""

    weight: int
    shortest_s: float
    longest_s: float
    recovery_s: float


HABITS = {
    Kind.KILL: _Habit(45, 0.1, 4.0, 4.0),
    Kind.STOP: _Habit(10, 0.3, 6.0, 2.0),
    Kind.CUT: _Habit(10, 0.3, 6.0, 2.0),
    Kind.END: _Habit(12, 0.0, 0.0, 12.0),
    Kind.WEDGE: _Habit(8, 0.0, 0.0, 20.0),
    Kind.REDIS_KILL: _Habit(5, 0.1, 6.0, 2.0),
    Kind.REDIS_PAUSE: _Habit(5, 0.5, 8.0, 2.0),
    Kind.REDIS_CUT: _Habit(5, 0.5, 8.0, 2.0),
    Kind.SERVER_END: _Habit(6, 0.0, 0.0, 25.0),
}


def plan(seed: int, seconds: float, workers: int) -> list[Strike]:
    """Strikes in the order of their times; a server is replaced in each."""
    chance, now_s = random.Random(seed), 1.0
    busy_until_s = dict.fromkeys((*SERVERS, REDIS, *range(workers)), 0.0)
    strikes: list[Strike] = []
    while now_s < seconds:
        overdue = now_s > seconds / 3 and all(strike.kind is not Kind.SERVER_END for strike in strikes)
        drawn = chance.choices(list(HABITS), [habit.weight for habit in HABITS.values()])[0]
        kind = Kind.SERVER_END if overdue else drawn
        habit = HABITS[kind]
        for_s = round(chance.uniform(habit.shortest_s, habit.longest_s), 1)
        targets = _free(kind, busy_until_s, now_s)
        if targets:
            target = chance.choice(targets)
            busy_until_s[target] = round(now_s + for_s + habit.recovery_s, 1)
            strikes.append(Strike(now_s, kind, for_s, target))
        now_s = round(now_s + chance.uniform(0.3, 2.0), 1)
    return strikes


def _free(kind: Kind, busy_until_s: dict[int, float], now_s: float) -> Sequence[int]:
    """Who may be struck. While a server starts it must be able to read the registry."""
    idle = [target for target, until_s in busy_until_s.items() if until_s <= now_s]
    if kind.is_worker:
        well = [target for target in idle if target >= 0]
        return well if len(well) > ALWAYS_WELL else []
    if not {REDIS, *SERVERS} <= set(idle):
        return []
    return [REDIS] if kind.is_redis else SERVERS
