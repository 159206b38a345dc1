"""Counters, gauges and histograms that only the event loop changes, so without locks.

A scrape reads on the same loop. Labels come from fixed lists, or from the operator's names, never from a
caller's text.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector


class PlainCounter(Collector):
    """A number for each combination of the labels' values; shown once it was counted.

    A value may be a number: it becomes text when it is read, not each time it is counted.
    """

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._counts: dict[tuple[str | int, ...], float] = {}

    def add(self, *values: str | int) -> None:
        self._counts[values] = self._counts.get(values, 0) + 1

    def show(self, total: float) -> None:
        """Set the total of a counter without labels that another part counts."""
        self._counts[()] = total

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._meaning, labels=self._labels)
        for values, count in self._counts.items():
            family.add_metric([str(value) for value in values], count)
        yield family


class PlainGauge(Collector):
    """A value for each combination of the labels' values; shown from `set` until `clear`."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._values: dict[tuple[str, ...], float] = {}

    def set(self, value: float, *values: str) -> None:
        self._values[values] = value

    def clear(self) -> None:
        """Show nothing, because the source of the values is gone."""
        self._values.clear()

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(self._name, self._meaning, labels=self._labels)
        for values, value in self._values.items():
            family.add_metric(values, value)
        yield family


class PlainHistogram(Collector):
    """Observations by bucket, for each combination of the labels' values; shown once there are any."""

    def __init__(self, name: str, meaning: str, *labels: str, bounds: Sequence[float]) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._bounds = tuple(bounds)
        self._seen: dict[tuple[str, ...], tuple[list[int], list[float]]] = {}

    def observe(self, value: float, *values: str) -> None:
        seen = self._seen.get(values)
        if seen is None:
            seen = self._seen[values] = ([0] * (len(self._bounds) + 1), [0.0])
        seen[0][bisect_left(self._bounds, value)] += 1
        seen[1][0] += value

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        for values, (buckets, total) in self._seen.items():
            family.add_metric(values, self._cumulative(buckets), total[0])
        yield family

    def _cumulative(self, buckets: list[int]) -> list[tuple[str, float]]:
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        return [(bound, sum(buckets[: place + 1])) for place, bound in enumerate(bounds)]
