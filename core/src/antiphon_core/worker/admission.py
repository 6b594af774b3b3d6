"""Admission: how many utterances speak at once, and who waits."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from antiphon_core.errors import Draining, Full


@dataclass(frozen=True, slots=True)
class Places:
    """`max_in_flight` 0: only the models' own limits."""

    max_in_flight: int
    max_queue: int


@dataclass(slots=True, eq=False)
class _Ticket:
    model_id: str
    concurrency: int
    granted: asyncio.Future[None]


class Admission:
    """First come, first served, except that nobody waits for another model's place."""

    def __init__(self, places: Callable[[], Places], clock: Callable[[], float] = time.monotonic) -> None:
        self._places = places
        self._clock = clock
        self._running: Counter[str] = Counter()
        self._waiting: deque[_Ticket] = deque()
        self._held_s: deque[float] = deque(maxlen=32)
        self._closed: str | None = None

    @property
    def in_flight(self) -> int:
        return self._running.total()

    @property
    def queued(self) -> int:
        return len(self._waiting)

    async def enter(self, model_id: str, concurrency: int) -> Place:
        """A place on the model, after those who came before. Full if nobody may wait any more."""
        self.check_open()
        self.serve()
        if not self._has_place(model_id, concurrency):
            await self._wait(model_id, concurrency)
        else:
            self._running[model_id] += 1
        return Place(self._leave, model_id, self._clock())

    def close(self, why: str) -> None:
        """Takes nobody any more; who waits is sent away, too, for another worker serves them sooner."""
        self._closed = why
        for ticket in self._waiting:
            if not ticket.granted.done():
                ticket.granted.set_exception(_draining(why))
        self._waiting.clear()

    def check_open(self) -> None:
        if self._closed is not None:
            raise _draining(self._closed)

    def serve(self) -> None:
        """Lets in whoever can run now. To be called when limits changed."""
        for ticket in tuple(self._waiting):
            if self._has_place(ticket.model_id, ticket.concurrency) and not ticket.granted.done():
                self._waiting.remove(ticket)
                self._running[ticket.model_id] += 1
                ticket.granted.set_result(None)

    async def _wait(self, model_id: str, concurrency: int) -> None:
        places = self._places()
        if len(self._waiting) >= places.max_queue:
            raise Full(
                f"{self.in_flight} utterances are running and {self.queued} waiting, as many as this worker takes; "
                "try again, or another worker",
                subject=model_id,
                retry_after_ms=self._retry_after_ms(),
            )
        ticket = _Ticket(model_id, concurrency, asyncio.get_running_loop().create_future())
        self._waiting.append(ticket)
        try:
            await ticket.granted
        except asyncio.CancelledError:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            elif not ticket.granted.cancelled() and ticket.granted.exception() is None:
                self._give_up(model_id)
            raise

    def _has_place(self, model_id: str, concurrency: int) -> bool:
        max_in_flight = self._places().max_in_flight
        return self._running[model_id] < concurrency and (not max_in_flight or self.in_flight < max_in_flight)

    def _leave(self, model_id: str, since_s: float) -> None:
        self._held_s.append(self._clock() - since_s)
        self._give_up(model_id)

    def _give_up(self, model_id: str) -> None:
        self._running[model_id] -= 1
        self.serve()

    def _retry_after_ms(self) -> int:
        """About when the last one in the queue will have been let in, by how long places were held lately."""
        held_s = median(self._held_s) if self._held_s else 1.0
        rounds = (self.queued + 1) / max(1, self.in_flight)
        return int(min(10.0, max(0.1, held_s * rounds)) * 1000)


def _draining(why: str) -> Draining:
    return Draining(f"this worker takes no more utterances: {why}; ask another one", retry_after_ms=1000)


class Place:
    """Held while an utterance speaks."""

    def __init__(self, leave: Callable[[str, float], None], model_id: str, since_s: float) -> None:
        self._leave: Callable[[str, float], None] | None = leave
        self._model_id = model_id
        self._since_s = since_s

    def release(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(self._model_id, self._since_s)
