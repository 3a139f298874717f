"""Late samples: those that are older than the newest one of their series, and are taken nevertheless.

They come in any order. So a frame of them is written in the order of arrival, as the log wants it and as views see it (a
view shows rows up to a number), and is put in order of time by whoever reads it. A series that has late samples lives in
two frames, its usual one and one of these, and is merged when it is read, like any series with several homes. No series
has two samples for one time: what is late asks first what is there.

Such a frame has no last time, since none is too late for it. What it counts instead are its rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import missing
from monitor.model.times import Timestamp
from monitor.tsdb.chunks import AnyChunk, Chunk, Layout, padded
from monitor.tsdb.frames import FrameKind, StoredFrame, missing_row
from monitor.tsdb.newest import NEVER, UNSURE, NewestSamples


class LateChunk(Chunk):
    """Up to 64 rows in the order in which they came. It is never packed: nobody could tell from times whether a view
    needs to see less of it."""

    __slots__ = ("earliest", "latest")

    def __init__(self, layout: Layout, first: int) -> None:
        super().__init__(layout, first)
        self.earliest: Timestamp = -NEVER
        self.latest: Timestamp = NEVER

    @property
    def last(self) -> Timestamp:
        return self.latest

    @property
    def begin(self) -> Timestamp:
        return self.earliest

    def span(self, low: int, high: int) -> tuple[Timestamp, Timestamp]:
        times = self.times[low:high]
        return int(times.min()), int(times.max())

    def add(self, at: Timestamp, values: NDArray[np.float64] | Sequence[float], sequence: int) -> bool:
        self.earliest, self.latest = min(self.earliest, at), max(self.latest, at)
        return super().add(at, values, sequence)


class LateFrame(StoredFrame):
    """A frame of late samples."""

    __slots__ = ()

    def __init__(self, number: int, layout: Layout, newest: NewestSamples) -> None:
        super().__init__(number, layout, newest, FrameKind.LATE)

    def add(self, at: Timestamp, values: NDArray[np.float64] | Sequence[float], sequence: int) -> bool:
        if len(values) != len(self.layout):
            raise ValueError(f"a row of {len(values)} values for {len(self.layout)} series")
        chunk = self.chunks[-1] if self.chunks else None
        if chunk is None or chunk.layout is not self.layout or type(chunk) is not LateChunk or chunk.full:
            chunk = LateChunk(self.layout, self.end)
            chunk.add(at, values, sequence)
            self.chunks = (*self.chunks, chunk)
        else:
            chunk.add(at, values, sequence)
        there = ~missing(chunk.matrix[chunk.count - 1])
        self._newest.doubt(self.layout.sids[there], sequence)
        self.last += 1
        return True

    def replay(self, times: Sequence[Timestamp], rows: NDArray[np.float64]) -> int:
        return sum([self.add(at, row, 0) for at, row in zip(times, rows, strict=True)])

    def last_of(self, sid: int) -> tuple[Timestamp, float]:
        found = in_order(self.chunks, np.array([sid], dtype=np.int64), NEVER, UNSURE, UNSURE)
        return (NEVER, 0.0) if found is None else (int(found[0][-1]), float(found[1][-1, 0]))

    def reaches(self, at: Timestamp) -> bool:
        return any(chunk.last >= at for chunk in self.chunks)

    def samples_at(self, at: Timestamp, sids: NDArray[np.int64]) -> NDArray[np.float64]:
        found = in_order(self.chunks, sids, at, at, UNSURE)
        return missing_row(len(sids)) if found is None else found[1][0]

    def cooled(self, before: Timestamp) -> list[Chunk]:
        return []


def in_order(
    chunks: Sequence[AnyChunk], sids: NDArray[np.int64], start: Timestamp, end: Timestamp, sequence: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """What these series have in start <= t <= end, of the rows written up to `sequence`: times, (T,) ascending, and values,
    (T, S), MISSING where there is none; None if they have nothing there."""
    stamps: list[NDArray[np.int64]] = []
    parts: list[NDArray[np.float64]] = []
    for chunk in chunks:
        count = chunk.count
        if chunk.last < start or chunk.begin > end:
            continue
        if isinstance(chunk, Chunk) and chunk.sequences[count - 1] > sequence:
            count = int(chunk.sequences[:count].searchsorted(sequence, side="right"))
        columns = chunk.layout.columns(sids)
        if not count or not bool((columns >= 0).any()):
            continue
        times = chunk.times[:count]
        rows = padded(chunk, 0, count, columns)
        there = (times >= start) & (times <= end) & ~missing(rows).all(axis=1)
        stamps.append(times[there])
        parts.append(rows[there])
    if not any(len(each) for each in stamps):
        return None
    times, rows = np.concatenate(stamps), np.concatenate(parts)
    order = np.argsort(times, kind="stable")
    times, rows = times[order], rows[order]
    again: list[int] = (np.flatnonzero(times[1:] == times[:-1]) + 1).tolist()
    # Backwards, so that of many rows for one time the first gets what all of them have.
    for row in reversed(again):
        rows[row - 1] = np.where(missing(rows[row - 1]), rows[row], rows[row - 1])
    first = np.append(True, times[1:] != times[:-1])
    return times[first], rows[first]
