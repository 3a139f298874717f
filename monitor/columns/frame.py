"""Frames: series that share one time column.

A scrape or a probe yields many series with one timestamp, so one frame holds all series of a target: S label sets, T
instants and an S x T matrix. The evaluator works on whole frames; only a frame with gaps (`dense` is False) is looked
at series by series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import missing, stale
from monitor.matching.matchers import Matcher
from monitor.model.labels import Labels
from monitor.model.times import Timestamp


class Frame(Protocol):
    """A read-only selection of series with one time column. Arrays must not be written to."""

    @property
    def labels(self) -> Sequence[Labels]:
        """S label sets, metric names included. The same object for as long as the selection is of the same series, so
        that a plan (grouping, matching) may be cached by its identity."""
        ...

    @property
    def times(self) -> NDArray[np.int64]:
        """(T,) ascending milliseconds."""
        ...

    def values(self, low: int, high: int) -> NDArray[np.float64]:
        """(S, high-low): slots low <= t < high. MISSING and STALE bits as in `columns.nans`."""
        ...

    def dense(self, low: int, high: int) -> bool:
        """True only if no value in these slots is MISSING or STALE."""
        ...

    def at(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """(S, K): the values of these slots, in any order. For a few out of many cheaper than `values`."""
        ...

    def resets(self, low: int, high: int) -> Resets | None:
        """Where values are below the one before, both in slots low <= t < high; None if this frame does not follow that.
        Valid only where `dense`."""
        ...


@dataclass(frozen=True, slots=True)
class Resets:
    """Where counters fell. F falls, in order of time."""

    slots: NDArray[np.int64]
    """(F,) the slot with the lower value, counted from `low`."""
    rows: NDArray[np.int64]
    """(F,) which of the S series."""
    amounts: NDArray[np.float64]
    """(F,) the value before."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest sample of each of S series."""

    labels: Sequence[Labels]
    """S label sets; the same object for as long as the series are the same."""
    values: NDArray[np.float64]
    """(S,)."""
    times: NDArray[np.int64]
    """(S,) milliseconds; a time before the window where there is no sample in it."""


class SampleSource(Protocol):
    """Where the evaluator reads from: one unchanging view of the store, safe to use in a worker thread."""

    def select(self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp) -> Sequence[Frame]:
        """All series that satisfy every matcher, with their samples in [start, end] (more may be given). No label set
        comes twice."""
        ...

    def newest(self, matchers: Sequence[Matcher], oldest: Timestamp, at: Timestamp) -> Newest | None:
        """For each series that satisfies every matcher its newest sample in (oldest, at], stale markers included. None
        if this source cannot tell faster than its frames can."""
        ...


@dataclass(frozen=True, slots=True)
class MatrixFrame:
    """The plain frame: everything in memory as given."""

    labels: Sequence[Labels]
    times: NDArray[np.int64]
    matrix: NDArray[np.float64]
    _dense: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_dense", not bool((missing(self.matrix) | stale(self.matrix)).any()))

    def values(self, low: int, high: int) -> NDArray[np.float64]:
        return self.matrix[:, low:high]

    def dense(self, low: int, high: int) -> bool:
        return self._dense or not bool((missing(self.matrix[:, low:high]) | stale(self.matrix[:, low:high])).any())

    def at(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.matrix[:, slots]

    def resets(self, low: int, high: int) -> Resets | None:
        return None
