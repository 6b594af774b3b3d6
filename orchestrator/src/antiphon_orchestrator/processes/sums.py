"""Metrics of several processes as those of one. Pure.

Counters, histograms and summaries are summed, and so are gauges, but for those of which all processes show the same.
What a process that ended had counted stays in the sum, or the sum would fall, which Prometheus takes for a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_SAME_EVERYWHERE: dict[str, Callable[[Iterable[float]], float]] = {
    "antiphon_workers": max,
    "antiphon_workers_resting": max,
    "antiphon_registry_up": min,
    "antiphon_certificate_left_seconds": min,
    "process_start_time_seconds": min,
    "process_max_fds": min,
}
_GONE_WITH_THE_PROCESS = ("gauge", "unknown")

_Key = tuple[str, tuple[tuple[str, str], ...]]


def summed(texts: Sequence[str]) -> str:
    """What processes expose, as one exposition."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[_Key, list[float]]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            families.setdefault(family.name, family)
            of_family = values.setdefault(family.name, {})
            for sample in family.samples:
                key = (sample.name, tuple(sample.labels.items()))
                of_family.setdefault(key, []).append(sample.value)
    return _exposed([_family(families[name], values[name]) for name in families])


def counted(text: str) -> str:
    """Of what a process exposed, what stays when it has ended."""
    families = text_string_to_metric_families(text)
    return _exposed([family for family in families if family.type not in _GONE_WITH_THE_PROCESS])


def _family(of: Metric, values: dict[_Key, list[float]]) -> Metric:
    merged = Metric(of.name, of.documentation, of.type)
    for (name, labels), each in values.items():
        merge = min if name.endswith("_created") else _SAME_EVERYWHERE.get(of.name, sum)
        merged.add_sample(name, dict(labels), merge(each))
    return merged


def _exposed(families: list[Metric]) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return generate_latest(registry).decode()


class _Families(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families
