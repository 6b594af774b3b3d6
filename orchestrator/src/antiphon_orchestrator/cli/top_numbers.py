"""What `antiphon top` shows, worked out of what a server tells: its /metrics, /health and /v1/workers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

LATENCIES = {
    "voice to voice": "antiphon_voice_to_voice_seconds",
    "first audio": "antiphon_first_audio_seconds",
    "barge-in": "antiphon_barge_in_seconds",
    "tick lateness": "antiphon_tick_lateness_seconds",
}
COUNTS = {
    "answers": "antiphon_responses_total",
    "gaps": "antiphon_underrun_seconds_count",
    "failed over": "antiphon_utterances_failed_over_total",
    "refused": "antiphon_requests_refused_total",
}
Buckets = dict[float, float]
"""How many were at most so long, by that length."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a server told at one moment. `workers` is as /v1/workers has them."""

    at_s: float
    health: Mapping[str, Any]
    workers: Sequence[Mapping[str, Any]]
    sessions: Mapping[str, float]
    places: float
    buckets: Mapping[str, Buckets]
    counts: Mapping[str, float]
    memory_bytes: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds; None where there was nothing to measure."""

    p50_s: float | None
    p95_s: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Picture:
    """What is shown. `window_s`: over how long latencies and counts are taken; 0: since the server began."""

    status: str
    missing: Sequence[str]
    window_s: float
    sessions: int
    places: int
    states: Mapping[str, int]
    latencies: Mapping[str, Latency]
    counts: Mapping[str, int]
    memory_bytes: int
    cores: float | None
    workers: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read(metrics: str, health: Mapping[str, Any], workers: Sequence[Mapping[str, Any]], at_s: float) -> Reading:
    """Understands what the server sent; several processes of a server are one."""
    sums: dict[str, float] = {}
    sessions: dict[str, float] = {}
    buckets: dict[str, Buckets] = {name: {} for name in LATENCIES.values()}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
            if sample.name == "antiphon_sessions":
                state = sample.labels["state"]
                sessions[state] = sessions.get(state, 0.0) + sample.value
            if family.name in buckets and sample.name.endswith("_bucket"):
                edge = float(sample.labels["le"])
                buckets[family.name][edge] = buckets[family.name].get(edge, 0.0) + sample.value
    return Reading(
        at_s,
        health,
        workers,
        sessions,
        sums.get("antiphon_session_places", 0.0),
        buckets,
        {name: sums.get(metric, 0.0) for name, metric in COUNTS.items()},
        sums.get("process_resident_memory_bytes", 0.0),
        sums.get("process_cpu_seconds_total", 0.0),
    )


def picture(now: Reading, before: Reading | None) -> Picture:
    """What happened since `before`; None: since the server began."""
    if before is not None and (before.at_s >= now.at_s or before.cpu_s > now.cpu_s):
        before = None  # another process: it counts anew
    counts = before.counts if before else {}
    window_s = now.at_s - before.at_s if before else 0.0
    return Picture(
        str(now.health.get("status", "")),
        tuple(now.health.get("missing", ())),
        round(window_s, 1),
        round(sum(now.sessions.values())),
        round(now.places),
        {state: round(count) for state, count in now.sessions.items() if count},
        {name: _latency(now.buckets[metric], before.buckets[metric] if before else {}) for name, metric in _SHOWN},
        {name: round(count - counts.get(name, 0.0)) for name, count in now.counts.items()},
        round(now.memory_bytes),
        round((now.cpu_s - before.cpu_s) / window_s, 2) if before else None,
        tuple(now.workers),
    )


_SHOWN = tuple(LATENCIES.items())


def _latency(now: Buckets, before: Buckets) -> Latency:
    counted = {edge: count - before.get(edge, 0.0) for edge, count in now.items()}
    total = max(counted.values(), default=0.0)
    return Latency(quantile(0.5, counted), quantile(0.95, counted), round(total))


def quantile(share: float, buckets: Buckets) -> float | None:
    """As Prometheus guesses it: within a bucket all are spread evenly; above the last edge it is that edge."""
    edges = sorted(buckets)
    if not edges or not buckets[edges[-1]]:
        return None
    wanted, low_edge, below = share * buckets[edges[-1]], 0.0, 0.0
    for edge in edges:
        if buckets[edge] >= wanted and edge != float("inf"):
            inside = buckets[edge] - below
            return low_edge + (edge - low_edge) * (wanted - below) / inside if inside else edge
        if edge != float("inf"):
            low_edge, below = edge, buckets[edge]
    return low_edge


def oldest_within(readings: Iterable[Reading], window_s: float, now_s: float) -> Reading | None:
    """What a window of that length is compared with."""
    return next((reading for reading in readings if now_s - reading.at_s <= window_s), None)
