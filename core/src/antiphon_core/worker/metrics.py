"""Metrics of a worker, each of them once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from antiphon_core.gauges import ReadGauge
from antiphon_core.worker.report import Report

PREFIX = "antiphon_worker"
_WAITS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_LOADS_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_RTFS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1.0, 1.5, 2.0, 5.0)
_RECENT = 64


class Metrics:
    """What Prometheus scrapes, and the medians that the worker tells of itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._utterances = self._counter(
            "utterances",
            "Utterances that ended: complete, stopped, cancelled, or by the condition named",
            ["model", "outcome"],
        )
        self._audio = self._counter("audio_seconds", "Speech sent to clients", ["model"])
        self._first_audio = self._histogram(
            "first_audio_seconds", "From the first text given to the engine to its first frame", _WAITS_S
        )
        self._queue = self._histogram(
            "queue_seconds", "How long utterances waited for a place and a model in memory", _WAITS_S
        )
        self._rtf = self._histogram("real_time_factor", "Seconds of synthesis for a second of speech", _RTFS)
        self._loads = self._counter("model_loads", "Models loaded, or not: ok, or the condition", ["model", "outcome"])
        self._load_time = self._histogram("model_load_seconds", "From the wish for a model to its readiness", _LOADS_S)
        self._unloads = self._counter("model_unloads", "Models that left memory", ["model"])
        self._recent_first_audio_ms: deque[float] = deque(maxlen=_RECENT)
        self._recent_rtf: deque[float] = deque(maxlen=_RECENT)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A gauge that is read when it is scraped."""
        self.watch_each(name, text, "", lambda: {"": read()})

    def watch_each(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """A gauge with a value for each of what there is when it is scraped."""
        self.registry.register(ReadGauge(f"{PREFIX}_{name}", text, label, read))

    def utterance_ended(self, report: Report) -> None:
        self._utterances.labels(report.model, report.outcome).inc()
        if not report.samples:
            return
        self._audio.labels(report.model).inc(report.audio_s)
        self._first_audio.labels(report.model).observe(report.first_audio_ms / 1000)
        self._queue.labels(report.model).observe(report.queue_ms / 1000)
        self._rtf.labels(report.model).observe(report.rtf)
        self._recent_first_audio_ms.append(report.first_audio_ms)
        self._recent_rtf.append(report.rtf)

    def load_ended(self, model: str, outcome: str, took_s: float) -> None:
        self._loads.labels(model, outcome).inc()
        self._load_time.labels(model).observe(took_s)

    def model_unloaded(self, model: str) -> None:
        self._unloads.labels(model).inc()

    @property
    def first_audio_p50_ms(self) -> float:
        return median(self._recent_first_audio_ms) if self._recent_first_audio_ms else 0.0

    @property
    def rtf_p50(self) -> float:
        return median(self._recent_rtf) if self._recent_rtf else 0.0

    def _counter(self, name: str, text: str, labels: Sequence[str]) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", text, ["model"], buckets=buckets, registry=self.registry)
