"""Gauges that are read when they are scraped, with a value for each of what there is then."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class ReadGauge(Collector):
    """`read` gives values by the label's; without a label, one value by anything."""

    def __init__(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._name = name
        self._text = text
        self._labels = [label] if label else []
        self._read = read

    def describe(self) -> list[Metric]:
        return [GaugeMetricFamily(self._name, self._text, labels=self._labels)]

    def collect(self) -> list[Metric]:
        family = GaugeMetricFamily(self._name, self._text, labels=self._labels)
        for value, amount in self._read().items():
            family.add_metric([value] if self._labels else [], amount)
        return [family]
