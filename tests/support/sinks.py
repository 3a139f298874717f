"""A sample sink that remembers what was written, and fails a test that breaks the store's rules."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import missing
from monitor.columns.sink import RowWriter
from monitor.model.labels import Labels
from monitor.model.samples import is_stale
from monitor.model.times import Timestamp


class FakeSink:
    """Everything written, by series: (time, value) in order. Missing values leave nothing."""

    def __init__(self) -> None:
        self.samples: dict[Labels, list[tuple[Timestamp, float]]] = {}
        self.open_series: set[Labels] = set()
        self.closed: list[Timestamp | None] = []

    def open(self, labels: Sequence[Labels]) -> RowWriter:
        assert not self.open_series & set(labels), "a series is open in two writers"
        assert len(set(labels)) == len(labels), "a series comes twice"
        self.open_series |= set(labels)
        return _FakeWriter(self, labels)

    def opening(self, labels: Sequence[Labels]) -> Generator[None, None, RowWriter]:
        yield
        return self.open(labels)

    def append(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> None:
        for labels, value in samples:
            self.put(labels, at, value)

    append_stamped = append

    def appending(
        self, at: Timestamp, labels: Sequence[Labels], values: Sequence[float]
    ) -> Generator[None, None, None]:
        self.append(at, zip(labels, values, strict=True))
        yield

    appending_again = appending
    appending_stamped = appending

    def append_again(self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]) -> None:
        self.append(at, zip(labels, values, strict=True))

    def put(self, labels: Labels, at: Timestamp, value: float) -> None:
        self.samples.setdefault(labels, []).append((at, value))

    def last(self, name: str, **labels: str) -> float | None:
        """The newest value of the one series with this name and at least these labels; None if there is none or it has
        ended."""
        found = [
            points[-1][1]
            for series, points in self.samples.items()
            if series.get("__name__") == name and all(series.get(key) == value for key, value in labels.items())
        ]
        alive = [value for value in found if not is_stale(value)]
        assert len(alive) <= 1, f"{name} {labels} names {len(alive)} series"
        return alive[0] if alive else None


class _FakeWriter:
    def __init__(self, sink: FakeSink, labels: Sequence[Labels]) -> None:
        self._sink = sink
        self._labels = list(labels)
        self._last: Timestamp = -1
        self._ended: set[Labels] = set()

    def append(self, at: Timestamp, values: NDArray[np.float64] | Sequence[float]) -> None:
        assert at > self._last, "time must ascend"
        assert len(values) == len(self._labels), "one value for each series"
        self._last = at
        row = np.array(values, dtype=np.float64)
        self._ended = set()
        for labels, value, absent in zip(self._labels, row, missing(row), strict=True):
            if not absent:
                assert is_stale(float(value)) or not np.isnan(value), "a missing value lost its bits"
                self._sink.put(labels, at, float(value))
                if is_stale(float(value)):
                    self._ended.add(labels)

    def replace(self, labels: Sequence[Labels]) -> None:
        leaving = set(self._labels) - set(labels)
        assert leaving == self._ended, "series that leave are ended first"
        self._sink.open_series -= set(self._labels)
        assert not self._sink.open_series & set(labels), "a series is open in two writers"
        self._labels = list(labels)
        self._sink.open_series |= set(labels)

    def replacing(self, labels: Sequence[Labels]) -> Generator[None, None, None]:
        yield
        self.replace(labels)

    def close(self, at: Timestamp | None) -> None:
        if at is not None:
            assert at > self._last, "time must ascend"
        self._sink.closed.append(at)
        self._sink.open_series -= set(self._labels)
