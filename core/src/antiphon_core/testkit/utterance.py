"""One utterance as a host pulls it: in a thread of its own, step by step, with an eye on the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

import numpy as np

from antiphon_core.audio import PcmChunk, Samples, TextMark
from antiphon_core.testkit.verdict import refuse

Clock = Callable[[], float]


@dataclass
class Spoken:
    """What an utterance gave: its chunks, their samples as they were on arrival, and the wait for each."""

    rate_hz: int
    chunks: list[PcmChunk] = field(default_factory=list)
    copies: list[Samples] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)

    @property
    def samples(self) -> Samples:
        return np.concatenate(self.copies) if self.copies else np.zeros(0, np.int16)

    @property
    def marks(self) -> list[TextMark]:
        return [mark for chunk in self.chunks for mark in chunk.marks]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz


class Utterance:
    """Pulls one generator. `ask` and `answer` are apart, so that several can be pulled at once."""

    def __init__(self, make: Callable[[], Iterator[PcmChunk]], rate_hz: int, patience_s: float, clock: Clock) -> None:
        self.spoken = Spoken(rate_hz)
        self._make = make
        self._patience_s = patience_s
        self._clock = clock
        self._stuck = False
        self.is_closable = False
        self._orders: SimpleQueue[str] = SimpleQueue()
        self._answers: SimpleQueue[tuple[object, float]] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="antiphon-testkit", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        self._orders.put("next")

    def answer(self) -> bool:
        """Whether a chunk came; raises what the engine raised."""
        outcome, wait_s = self._await()
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is None:
            return False
        if not isinstance(outcome, PcmChunk):
            refuse(f"synthesize gave a {type(outcome).__name__}", "yield PcmChunk: its from_float takes floats")
        self.spoken.chunks.append(outcome)
        self.spoken.copies.append(np.array(outcome.samples))
        self.spoken.waits_s.append(wait_s)
        return True

    def step(self) -> bool:
        self.ask()
        return self.answer()

    def close(self) -> float:
        """Closes the generator as a host does to cancel; returns how long that took."""
        self._orders.put("close")
        if self._stuck:
            return 0.0
        outcome, wait_s = self._await()
        if isinstance(outcome, BaseException):
            raise outcome
        self._thread.join(self._patience_s)
        return wait_s

    def _await(self) -> tuple[object, float]:
        try:
            return self._answers.get(timeout=self._patience_s)
        except Empty:
            self._stuck = True
            refuse(
                f"the engine gave no sign of life for {self._patience_s:g} s",
                "find what it waits for (a lock that another utterance holds?); a slow engine sets `patience_s`",
            )

    def _work(self) -> None:
        chunks: Iterator[PcmChunk] | None = None
        for order in iter(self._orders.get, None):
            started_s = self._clock()
            outcome: object = None
            try:
                if order == "next":
                    chunks = chunks or iter(self._make())
                    outcome = next(chunks, None)
                elif isinstance(chunks, Generator):
                    chunks.close()
                self.is_closable = isinstance(chunks, Generator)
            except BaseException as error:
                outcome = error
            self._answers.put((outcome, self._clock() - started_s))
            if order == "close":
                return
