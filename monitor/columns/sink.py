"""How samples are written: whole rows where the writer knows its series, loose samples otherwise.

The store implements these; probes, scrapes, rules and the daemon's own metrics write through them. All calls are made on
the loop's thread and never block it: durability follows within a second. Whoever has thousands of series opens and changes
them in steps.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.model.labels import Labels
from monitor.model.times import Timestamp


class RowWriter(Protocol):
    """One frame's writer: the series are fixed when it is opened."""

    def append(self, at: Timestamp, values: NDArray[np.float64] | Sequence[float]) -> None:
        """One value for each series, in the order of `open`; MISSING bits where there is none, STALE bits where a series
        ends. `at` not later than the last one is dropped and counted, as Prometheus does."""
        ...

    def replace(self, labels: Sequence[Labels]) -> None:
        """The series set changes from the next append on: series that stay keep their history; series that are gone
        must have been given STALE before, and come back as the same series if they return."""
        ...

    def replacing(self, labels: Sequence[Labels]) -> Generator[None, None, None]:
        """`replace` in steps of a few milliseconds: the set changes with the last one, if the writer is still open then."""
        ...

    def close(self, at: Timestamp | None) -> None:
        """The target is gone. With a time: all series get a stale marker then."""
        ...


class SampleSink(Protocol):
    """Where samples go."""

    def open(self, labels: Sequence[Labels]) -> RowWriter:
        """A writer for series that always come together. No label set may be open in two writers."""
        ...

    def opening(self, labels: Sequence[Labels]) -> Generator[None, None, RowWriter]:
        """`open` in steps of a few milliseconds; given up half-way, it leaves nothing."""
        ...

    def append(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> None:
        """Loose samples with one time: recording rules, ALERTS, stale markers. For each series a sample not later than its
        last is dropped and counted, unless it is the very same."""
        ...

    def append_stamped(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> None:
        """As `append`, of samples whose time somebody else has set: scraped ones with timestamps, remote write. Those that
        are out of order are taken where there is a window for that, and they are not before it."""
        ...

    def appending_stamped(
        self, at: Timestamp, labels: Sequence[Labels], values: Sequence[float]
    ) -> Generator[None, None, None]:
        """`append_stamped` in steps of a few milliseconds; few samples take none. They are there after the last one."""
        ...

    def appending(
        self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]
    ) -> Generator[None, None, None]:
        """`append` in steps of a few milliseconds; few samples take none. They are there after the last one."""
        ...

    def appending_again(
        self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]
    ) -> Generator[None, None, None]:
        """`append_again` in the same way."""
        ...

    def append_again(self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]) -> None:
        """As `append`, for those who mostly give the same series: where they go is remembered by `labels`, as long as it
        is the same object."""
        ...
