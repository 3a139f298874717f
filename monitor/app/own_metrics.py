"""The daemon's own metrics in its own store, as job `watchkeeper`, where shipped rules watch them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry

from monitor.columns.sink import RowWriter, SampleSink
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import STALE
from monitor.model.times import Timestamp


class OwnMetrics:
    """Copies the registry into the store. Series that vanish get their stale marker."""

    def __init__(self, registry: CollectorRegistry, sink: SampleSink, instance: str) -> None:
        self._registry = registry
        self._sink = sink
        self._common = {"job": "watchkeeper", "instance": instance}
        self._writer: RowWriter | None = None
        self._keys: list[tuple[str, tuple[tuple[str, str], ...]]] = []
        self._labels: list[Labels] = []

    def write(self, at: Timestamp) -> None:
        """One round."""
        found = [
            ((sample.name, tuple(sample.labels.items())), float(sample.value))
            for family in self._registry.collect()
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]
        keys = [key for key, _ in found]
        values = [value for _, value in found]
        if keys == self._keys and self._writer is not None:
            self._writer.append(at, values)
            return
        labels = [self._named(name, pairs) for name, pairs in keys]
        self._begin(at, labels, values)
        self._keys, self._labels = keys, labels

    def _named(self, name: str, pairs: Iterable[tuple[str, str]]) -> Labels:
        """As a scrape would name it: a label of ours gives way to the target's and is called `exported_`."""
        own = {f"exported_{label}" if label in self._common else label: value for label, value in pairs}
        return Labels({**own, **self._common, METRIC_NAME: name})

    def close(self) -> None:
        """Let go of the series without ending them."""
        if self._writer is not None:
            self._writer.close(None)

    def _begin(self, at: Timestamp, labels: list[Labels], values: Sequence[float]) -> None:
        stays = set(labels)
        gone = [one for one in self._labels if one not in stays]
        if self._writer is None:
            self._writer = self._sink.open(labels)
        else:
            self._writer.replace([*labels, *gone])
        self._writer.append(at, [*values, *(STALE for _ in gone)])
        if gone:
            self._writer.replace(labels)
