"""What looks far back is worked out a part at a time: its memory is bounded by its widest frame, not by the selection."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.columns.frame import Frame, Newest, Resets
from monitor.matching.matchers import Matcher
from monitor.model.errors import QueryLimitError
from monitor.model.labels import Labels
from monitor.model.samples import Sample
from monitor.model.times import MINUTE, SECOND, Timestamp
from monitor.promql.engine import Options, Query

_SLOTS = 20_000
_SERIES = 10


class LongFrame:
    """A target that has been scraped each second; its samples are read from somewhere when they are asked for, and kept."""

    def __init__(self, number: int, slots: int = _SLOTS) -> None:
        self.labels = [Labels({"__name__": "x", "target": str(number), "i": str(i)}) for i in range(_SERIES)]
        self.times: NDArray[np.int64] = np.arange(1, slots + 1, dtype=np.int64) * SECOND
        self.reads = 0
        self._number = number
        self._matrix: NDArray[np.float64] | None = None

    def values(self, low: int, high: int) -> NDArray[np.float64]:
        if self._matrix is None:
            self.reads += 1
            self._matrix = np.add.outer(np.arange(_SERIES) * 1000.0 + self._number, np.arange(len(self.times)) % 7)
        return self._matrix[:, low:high]

    def dense(self, low: int, high: int) -> bool:
        return bool(np.isfinite(self.values(low, high)).all())

    def at(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.values(0, len(self.times))[:, slots]

    def resets(self, low: int, high: int) -> Resets | None:
        return None


class LongSource:
    """Makes its frames anew for each question."""

    def __init__(self, targets: int) -> None:
        self._targets = targets

    def select(self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp) -> Sequence[Frame]:
        return [LongFrame(number) for number in range(self._targets)]

    def newest(self, matchers: Sequence[Matcher], oldest: Timestamp, at: Timestamp) -> Newest | None:
        return None


@pytest.mark.parametrize("function", ["avg_over_time", "max_over_time", "changes", "rate"])
def test_a_long_window_over_many_targets_takes_the_memory_of_a_few(function: str) -> None:
    """A hundred targets of 1.6 MB each: not all of them at once, and the result is that of each by itself."""
    query, at = Query(f"{function}(x[{_SLOTS}s])"), _SLOTS * SECOND
    tracemalloc.start()
    try:
        whole = query.instant(LongSource(100), at)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000
    assert isinstance(whole.value, tuple)
    assert len(whole.value) == 100 * _SERIES
    assert whole.samples == 100 * _SERIES * _SLOTS
    alone = query.instant(LongSource(1), at)
    assert isinstance(alone.value, tuple)
    assert list(map(_number, whole.value[:_SERIES])) == list(map(_number, alone.value))


def _number(one: object) -> float:
    assert isinstance(one, Sample)
    return one.value


def test_what_is_far_over_the_limit_is_refused_before_it_is_read() -> None:
    """A frame with more than twice as many places as a query may have samples."""
    frames = [LongFrame(number) for number in range(3)]

    class Source(LongSource):
        def select(self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp) -> Sequence[Frame]:
            return frames

    query = Query(f"avg_over_time(x[{_SLOTS}s])", Options(max_samples=_SLOTS))
    with pytest.raises(QueryLimitError, match="too many samples"):
        query.instant(Source(3), _SLOTS * SECOND)
    assert [frame.reads for frame in frames] == [0, 0, 0]


def test_steps_far_apart_see_the_newest_sample_of_each() -> None:
    """Whether there are few of them or many."""
    source = LongSource(1)
    few = Query("x").range(source, MINUTE, _SLOTS * SECOND, 100 * MINUTE).value
    many = Query("x").range(source, MINUTE, _SLOTS * SECOND, SECOND * 2).value
    assert isinstance(few, tuple)
    assert isinstance(many, tuple)
    for one, other in zip(few, many, strict=True):
        assert not isinstance(one, Sample)
        assert not isinstance(other, Sample)
        assert set(one.points) <= set(other.points)
        assert len(one.points) == 4
