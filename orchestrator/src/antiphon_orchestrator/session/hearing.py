"""One client's ears: voice activity, where turns begin and end, how loud, and what was said."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from antiphon_orchestrator.asr.listening import Listening
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, Vad
from antiphon_orchestrator.turn.endpoint import (
    Endpoint,
    EndpointEvent,
    EndReason,
    SpeechResumed,
    SpeechStarted,
)

_SILENT_DB = -100.0
_SPEECH = 0.5
_FADED = 10**-3.5
"""35 dB below the loudest 32 ms of a stretch of speech nothing is left of it, not even the last consonant."""
_LEARNED_TURNS = 0.3
"""How much one turn's loudness counts for what is usual."""


class Loudness:
    """How loud the user speaks now, against how they usually do."""

    def __init__(self) -> None:
        self._usual_db: float | None = None
        self.begin()

    def begin(self) -> None:
        """A new stretch of speech begins."""
        self._power, self._windows, self._loudest = 0.0, 0, 0.0

    def hear(self, window: HeardSamples) -> bool:
        """Takes a window that a voice detector takes for speech. False: it is silence, and the detector lags."""
        power = float(np.dot(window, window)) / len(window)
        self._loudest = max(self._loudest, power)
        if power < self._loudest * _FADED:
            return False
        self._power += power
        self._windows += 1
        return True

    def learn(self) -> None:
        """What was heard since `begin` was the user speaking to us."""
        level_db = self._level_db
        if level_db > _SILENT_DB:
            usual_db = level_db if self._usual_db is None else self._usual_db
            self._usual_db = usual_db + _LEARNED_TURNS * (level_db - usual_db)

    @property
    def over_usual_db(self) -> float:
        """0 where that is not known yet."""
        return 0.0 if self._usual_db is None or not self._windows else self._level_db - self._usual_db

    @property
    def _level_db(self) -> float:
        return 10 * np.log10(self._power / self._windows + 1e-10) if self._windows else _SILENT_DB


class Hearing:
    """Takes samples as they come and tells what the endpoint makes of them. Positions are counted from the first."""

    def __init__(
        self, vad: Vad, endpoint: Endpoint, listening: Listening, on_endpoint: Callable[[EndpointEvent], None]
    ) -> None:
        self.endpoint = endpoint
        self.listening = listening
        self.loudness = Loudness()
        self._vad = vad
        self._on_endpoint = on_endpoint
        self._rest: HeardSamples = np.zeros(0, np.float32)
        self.heard_samples = 0
        self.detecting = True

    @property
    def heard_ms(self) -> int:
        return self.heard_samples * 1000 // EARS_RATE_HZ

    def feed(self, samples: HeardSamples) -> None:
        """Takes the next samples of the stream."""
        size = self._vad.window_samples
        pending = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        whole = len(pending) // size * size
        for start in range(0, whole, size):
            self._hear(pending[start : start + size])
        self._rest = pending[whole:].copy()

    def _hear(self, window: HeardSamples) -> None:
        self.heard_samples += len(window)
        if not self.detecting:
            self.listening.feed(window, True)
            return
        probability = self._vad.probability(window)
        speech = probability >= _SPEECH
        if speech and self.endpoint.in_turn:
            left = self.loudness.hear(window)
            speech = left or not self.endpoint.hasty
        self.listening.feed(window, speech)
        for event in self.endpoint.on_window(probability, self.heard_samples):
            self.tell(event)

    def tell(self, event: EndpointEvent) -> None:
        """Passes an event on, in the order the endpoint gave it."""
        if isinstance(event, SpeechStarted | SpeechResumed):
            self.loudness.begin()
        self._on_endpoint(event)

    def opinion(self, finished_probability: float, asked_at_sample: int) -> None:
        """The turn detector's answer."""
        for event in self.endpoint.on_opinion(finished_probability, asked_at_sample):
            self.tell(event)

    def stalled(self) -> None:
        """The client sends no audio any more: a turn under way is over."""
        for event in self.endpoint.finish(EndReason.STALLED):
            self.tell(event)


def milliseconds(sample: int) -> int:
    return sample * 1000 // EARS_RATE_HZ
