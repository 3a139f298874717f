"""Reading samples: the newest of each series, or runs of them.

A frame's series share their times, so one binary search serves them all. A frame with gaps is divided into groups of series
with samples at the same times; each group is then as good as a frame without gaps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from monitor.columns.frame import Frame, Resets, SampleSource
from monitor.columns.nans import missing, stale
from monitor.matching.matchers import Matcher
from monitor.model.errors import QueryLimitError
from monitor.model.labels import Labels
from monitor.model.times import Millis
from monitor.promql.matrix import Block, Bools, Floats, Ints


class Run:
    """Series with samples at the same times, without gaps."""

    __slots__ = ("_frame", "_offset", "_values", "first", "rows", "series", "times")

    def __init__(self, rows: Ints | None, first: int, times: Ints, source: Floats | tuple[Frame, int]) -> None:
        """`source`: the values (S', T), or a frame without gaps at these times and the slot of the first; it is read when it is
        asked."""
        self.rows = rows
        """(S',) which rows of the selection these are; None: all rows from `first` on."""
        self.first = first
        self.times = times
        """(T,) ascending milliseconds."""
        if isinstance(source, tuple):
            self._frame, self._offset = source
            self._values: Floats | None = None
            self.series = len(self._frame.labels)
        else:
            self._frame, self._offset, self._values = None, 0, source
            self.series = len(source)

    @property
    def size(self) -> int:
        """How many samples these are."""
        return self.series * len(self.times)

    @property
    def values(self) -> Floats:
        """(S', T)."""
        values = self._values
        if values is None:
            assert self._frame is not None
            values = self._values = self._frame.values(self._offset, self._offset + len(self.times))
        return values

    def resets(self) -> Resets | None:
        """Where the values fell; None if that is not known."""
        return None if self._frame is None else self._frame.resets(self._offset, self._offset + len(self.times))

    def at(self, slots: Ints) -> Floats:
        """(S', K): the values of these slots."""
        if self._values is None and self._frame is not None and len(slots) < len(self.times):
            return self._frame.at(slots + self._offset)
        return self.values[:, slots]

    @property
    def numbers(self) -> Sequence[int]:
        """(S',) the rows of the selection, one by one."""
        return range(self.first, self.first + self.series) if self.rows is None else self.rows.tolist()

    @property
    def place(self) -> Ints | slice:
        """The rows of the selection, as an index."""
        return slice(self.first, self.first + self.series) if self.rows is None else self.rows


def newest_at_one(
    source: SampleSource, matchers: Sequence[Matcher], at: Millis, lookback: Millis
) -> tuple[Block, Floats] | None:
    """`newest` at one instant, the case of rules, where the source knows it without its frames. None otherwise."""
    found = source.newest(matchers, at - lookback, at)
    if found is None:
        return None
    present = found.times > at - lookback
    if bool(np.isnan(found.values).any()):
        present &= ~stale(found.values)
    mask = None if bool(present.all()) else present[:, None]
    return Block(found.labels, found.values[:, None], mask), found.times[:, None] / 1000


def newest(frames: Sequence[Frame], labels: Sequence[Labels], at: Ints, lookback: Millis) -> tuple[Block, Floats]:
    """For each series and each instant of `at` (N,) the newest sample in (t - lookback, t]; no value if that is a stale
    marker. Also the times of those samples in seconds, (S, N)."""
    steps = len(at)
    values: list[Floats] = []
    present: list[Bools] = []
    stamps: list[Floats] = []
    for frame in frames:
        own_values, own_present, own_stamps = _newest_of_frame(frame, at, lookback, steps)
        values.append(own_values)
        present.append(own_present)
        stamps.append(own_stamps)
    if not values:
        return Block(labels, np.empty((0, steps))), np.empty((0, steps))
    mask = np.concatenate(present)
    block = Block(labels, np.concatenate(values), None if bool(mask.all()) else mask)
    return block, np.concatenate(stamps)


def _newest_of_frame(frame: Frame, at: Ints, lookback: Millis, steps: int) -> tuple[Floats, Bools, Floats]:
    times, series = frame.times, len(frame.labels)
    last = np.searchsorted(times, at, "right") - 1
    low = int(np.searchsorted(times, int(at.min()) - lookback, "right"))
    high = int(last.max()) + 1
    if high <= low:
        return np.full((series, steps), np.nan), np.zeros((series, steps), dtype=bool), np.zeros((series, steps))
    place = last - low
    inside = place >= 0
    place = np.where(inside, place, 0)
    window = times[low:high]
    if frame.dense(low, high):
        fresh = inside & (window[place] > at - lookback)
        stamps = np.broadcast_to(window[place] / 1000, (series, steps))
        # Steps far apart look at few of the samples between them.
        picked = frame.at(place + low) if 2 * steps < high - low else frame.values(low, high)[:, place]
        return picked, np.broadcast_to(fresh, (series, steps)), stamps
    values = frame.values(low, high)
    slots = np.where(missing(values), -1, np.arange(high - low))
    filled = np.maximum.accumulate(slots, axis=1)[:, place]
    present = inside & (filled >= 0)
    filled = np.where(present, filled, 0)
    present = present & (window[filled] > at - lookback)
    picked = np.take_along_axis(values, filled, axis=1)
    return picked, present & ~stale(picked), window[filled] / 1000


def runs(frames: Sequence[Frame], low: int, high: int, most: int) -> Iterator[Run]:
    """All samples in (low, high] (milliseconds), stale markers left out. Frame by frame, and of those that have passed none is
    held: whoever takes the runs one by one has one frame's samples in memory. Raises QueryLimitError, before it reads
    them, for a frame that has more than `most` samples even if it is half empty."""
    waiting = deque(frames)
    del frames
    first = 0
    while waiting:
        frame = waiting.popleft()
        times, series = frame.times, len(frame.labels)
        start, end = int(times.searchsorted(low, "right")), int(times.searchsorted(high, "right"))
        if series * (end - start) > 2 * most:
            raise too_many()
        if end > start:
            if frame.dense(start, end):
                yield Run(None, first, times[start:end], (frame, start))
            else:
                values = frame.values(start, end)
                yield from _split(first, times[start:end], values, ~(missing(values) | stale(values)))
        first += series


def too_many() -> QueryLimitError:
    """The query looks at more samples than it may."""
    return QueryLimitError("query processing would load too many samples into memory in query execution")


def runs_of_block(block: Block, times: Ints) -> list[Run]:
    """A subquery's result as runs."""
    if not block.labels:
        return []
    if block.present is None:
        return [Run(None, 0, times, block.values)]
    return _split(0, times, block.values, block.present)


def _split(first: int, times: Ints, values: Floats, filled: Bools) -> list[Run]:
    """Groups of series that are filled at the same slots."""
    groups: dict[bytes, list[int]] = {}
    for row, pattern in enumerate(np.packbits(filled, axis=1)):
        groups.setdefault(pattern.tobytes(), []).append(row)
    out: list[Run] = []
    for rows in groups.values():
        slots = np.flatnonzero(filled[rows[0]])
        if len(slots):
            picked = np.array(rows)
            out.append(Run(picked + first, first, times[slots], values[np.ix_(picked, slots)]))
    return out
