"""Times one session's answers, holds and stops for its observer, and counts them for its last log line."""

from __future__ import annotations

from collections import Counter

from antiphon_orchestrator.playout_stats import PlayoutStats
from antiphon_orchestrator.session.mouth import Clock
from antiphon_orchestrator.session.observer import Observer, Stop


class Meter:
    """One session's."""

    def __init__(self, observer: Observer, clock: Clock) -> None:
        self.counts: Counter[str] = Counter()
        self._observer = observer
        self._clock = clock
        self._wanted_ms: int | None = None
        self._silent_ms: int | None = None
        self._held_ms: int | None = None
        self._sent_ms = clock()
        self._underruns = self._underrun_ms = 0

    def turn_ended(self, *, counted: bool) -> None:
        self.counts["turns" if counted else "discarded"] += 1
        self._observer.turn_ended(counted=counted)

    def trial_ended(self, *, used: bool) -> None:
        self._observer.trial_ended(used=used)

    def answer_wanted(self, silent_ms: int | None) -> None:
        """`silent_ms`: when the user had stopped speaking, if they spoke."""
        self._wanted_ms, self._silent_ms = self._clock(), silent_ms

    def audible(self) -> None:
        """The first frame of an answer has just left."""
        now_ms = self._clock()
        if self._wanted_ms is not None:
            self._observer.first_audio((now_ms - self._wanted_ms) / 1000)
        if self._silent_ms is not None:
            self._observer.answered((now_ms - self._silent_ms) / 1000)
        self._wanted_ms = self._silent_ms = None

    def sent(self, stats: PlayoutStats) -> int:
        """A tick has sent frames. Tells how long the gap before them was; 0 if there was none."""
        self._sent_ms = self._clock()
        self._observer.ticked(stats.lateness_ms / 1000)
        if stats.underruns <= self._underruns:
            return 0
        gap_ms = stats.underrun_ms - self._underrun_ms
        self._observer.starved(gap_ms / 1000)
        self._underruns, self._underrun_ms = stats.underruns, stats.underrun_ms
        return gap_ms

    def held(self) -> None:
        self._held_ms = self._clock()

    def hold_ended(self, how: Stop) -> None:
        """Nothing if there was none."""
        if self._held_ms is not None:
            self._observer.hold_ended((self._clock() - self._held_ms) / 1000, how)
            self.counts[how] += 1
        self._held_ms = None

    def voice_stopped(self, onset_ms: int) -> None:
        """The user, who had begun to speak at `onset_ms`, has the floor."""
        self._observer.voice_stopped(max(0, self._sent_ms - onset_ms) / 1000)

    def response_ended(self, status: str) -> None:
        self.counts[status] += 1
        self._observer.response_ended(status)
        self._wanted_ms = self._silent_ms = None
