"""What goes wrong, when, and for how long: drawn from a seed, and the same for the same seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

ALWAYS_WELL = 2
"""So many workers nothing is the matter with, at any time: one may fail in the moment when another one takes over."""


class Kind(Enum):
    """What happens to a worker, or to Redis."""

    KILL = "kill"
    STOP = "stop"
    CUT = "cut"
    END = "end"
    WEDGE = "wedge"
    REDIS_KILL = "redis-kill"
    REDIS_PAUSE = "redis-pause"
    REDIS_CUT = "redis-cut"

    @property
    def is_redis(self) -> bool:
        """Whether it happens to Redis."""
        return self.value.startswith("redis")


@dataclass(frozen=True, slots=True)
class Strike:
    """`worker` is a number; nothing where Redis is struck. `for_s`: until it is mended, or started again."""

    at_s: float
    kind: Kind
    for_s: float
    worker: int = -1

    def __str__(self) -> str:
        whom = "" if self.kind.is_redis else f" worker {self.worker}"
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
}


def plan(seed: int, seconds: float, workers: int) -> list[Strike]:
    """Strikes in the order of their times."""
    chance, now_s = random.Random(seed), 1.0
    busy_until_s = dict.fromkeys(range(-1, workers), 0.0)
    strikes: list[Strike] = []
    while now_s < seconds:
        kind = chance.choices(list(HABITS), [habit.weight for habit in HABITS.values()])[0]
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
    """Who may be struck."""
    if kind.is_redis:
        return [-1] if busy_until_s[-1] <= now_s else []
    well = [worker for worker, until_s in busy_until_s.items() if worker >= 0 and until_s <= now_s]
    return well if len(well) > ALWAYS_WELL else []
