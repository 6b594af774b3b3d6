"""Metrics of the server, each of them once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from antiphon_core.gauges import ReadGauge
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, Summary

from antiphon_orchestrator.session.observer import Observer, Part, Stop

PREFIX = "antiphon"
_TICKS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.1, 0.5)
_STOPS_S = (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
_WAITS_S = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class Metrics(Observer):
    """What Prometheus scrapes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._sessions_ended = self._counter("sessions_ended", "Conversations that ended, by what ended them", "reason")
        self._refused = self._counter("requests_refused", "Calls that were refused at the door, by why", "reason")
        self._requests = self._counter("http_requests", "HTTP requests that were answered", "route", "status")
        self._turns = self._counter("turns", "What users said: committed, or discarded as no contribution", "outcome")
        self._responses = self._counter("responses", "Answers that ended: completed, cancelled, failed ...", "status")
        self._trials = self._counter("trials", "Answers prepared at a pause: used, or dropped", "outcome")
        self._tokens = self._counter("tokens", "What language models read and wrote", "direction")
        self._failures = self._counter("model_failures", "Failures, by which model failed", "part")
        self._failed_over = self._counter(
            "utterances_failed_over",
            "Utterances that a worker did not finish, by why",
            "condition",
        )
        self._holds = self._histogram(
            "hold_seconds", "How long the voice waited for speech over it", _WAITS_S, "outcome"
        )
        self._barge_in = self._histogram(
            "barge_in_seconds", "Onset of an interruption to the last frame sent", _STOPS_S
        )
        self._first_audio = self._histogram("first_audio_seconds", "Wish for an answer to its first frame", _WAITS_S)
        self._voice_to_voice = self._histogram(
            "voice_to_voice_seconds", "End of the user's speech to the first frame of the answer", _WAITS_S
        )
        self._lateness = self._histogram("tick_lateness_seconds", "How late audio was looked after", _TICKS_S)
        self._starved = Summary(f"{PREFIX}_underrun_seconds", "Gaps within a sentence", registry=self.registry)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A gauge that is read when it is scraped."""
        self.watch_each(name, text, "", lambda: {"": read()})

    def watch_each(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """A gauge with a value for each of what there is when it is scraped."""
        self.registry.register(ReadGauge(f"{PREFIX}_{name}", text, label, read))

    # --------------------------------------------------------------------- the server

    def session_ended(self, reason: str) -> None:
        self._sessions_ended.labels(reason).inc()

    def refused(self, reason: str) -> None:
        self._refused.labels(reason).inc()

    def answered_request(self, route: str, status: int) -> None:
        self._requests.labels(route, str(status)).inc()

    def failed_over(self, why: str) -> None:
        self._failed_over.labels(why).inc()

    # ------------------------------------------------------------------- its sessions

    def turn_ended(self, *, counted: bool) -> None:
        self._turns.labels("committed" if counted else "discarded").inc()

    def response_ended(self, status: str) -> None:
        self._responses.labels(status).inc()

    def trial_ended(self, *, used: bool) -> None:
        self._trials.labels("used" if used else "dropped").inc()

    def hold_ended(self, held_s: float, how: Stop) -> None:
        self._holds.labels(how).observe(held_s)

    def voice_stopped(self, onset_s: float) -> None:
        self._barge_in.observe(onset_s)

    def first_audio(self, after_request_s: float) -> None:
        self._first_audio.observe(after_request_s)

    def answered(self, voice_to_voice_s: float) -> None:
        self._voice_to_voice.observe(voice_to_voice_s)

    def ticked(self, late_s: float) -> None:
        self._lateness.observe(late_s)

    def starved(self, gap_s: float) -> None:
        self._starved.observe(gap_s)

    def tokens(self, read: int, written: int) -> None:
        self._tokens.labels("read").inc(read)
        self._tokens.labels("written").inc(written)

    def failed(self, part: Part) -> None:
        self._failures.labels(part).inc()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", text, labels, buckets=buckets, registry=self.registry)
