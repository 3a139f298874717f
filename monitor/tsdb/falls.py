"""Where the values of a group of series fell.

Counter resets are not written with the samples: half of all series are gauges and fall all the time. Instead each group
follows its own series from the first time `resets` is asked for, looking at every new slot once, and keeps the few
places where a value fell. That is the carried correction, for those who use it. A group that falls too often for that
(gauges) answers None and the evaluator works on the window itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.columns.frame import Resets
from monitor.tsdb.chunks import AnyChunk

NO_RESETS: Final = Resets(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64))
_FEW_FALLS: Final = 1024

Read: TypeAlias = Callable[[AnyChunk, int, int], NDArray[np.float64]]
"""(slots, series) of a chunk from one of its slots to below another."""


class Falls:
    """All falls of a group's series in one frame, in the slots from `_first` to below `_next`."""

    __slots__ = ("_amounts", "_first", "_next", "_previous", "_rows", "_slots", "hopeless")

    def __init__(self) -> None:
        self.hopeless = False
        """These series fall so often that they cannot be counters: nothing is followed any more."""
        self._begin(0)

    def _begin(self, first: int) -> None:
        self._first = self._next = first
        self._previous: NDArray[np.float64] | None = None
        self._slots = np.empty(0, dtype=np.int64)
        self._rows = np.empty(0, dtype=np.int64)
        self._amounts = np.empty(0, dtype=np.float64)

    def follow(self, read: Read, chunks: Sequence[AnyChunk], first: int, end: int) -> None:
        """Make sure that first to below end is covered. The chunks, all of one frame, must hold these slots."""
        if first < self._first or self._previous is None or self._next < chunks[0].first:
            self._begin(first)
        for chunk in chunks:
            low = max(self._next - chunk.first, 0)
            high = min(end - chunk.first, chunk.count)
            if low >= high:
                continue
            part = read(chunk, low, high)
            if self._previous is not None:
                part = np.concatenate((self._previous[None, :], part))
            with np.errstate(invalid="ignore"):
                slots, rows = np.nonzero(part[1:] < part[:-1])
            if len(slots):
                self._amounts = np.concatenate((self._amounts, part[slots, rows]))
                # Row 1 of `part` is slot `_next`, or the one after it where there was no slot before.
                offset = self._next + (self._previous is None)
                self._slots = np.concatenate((self._slots, slots + offset))
                self._rows = np.concatenate((self._rows, rows))
            self._previous = part[-1].copy()
            self._next = chunk.first + high
        oldest = chunks[0].first
        if len(self._slots) and self._slots[0] < oldest:
            keep = int(self._slots.searchsorted(oldest))
            self._slots, self._rows, self._amounts = self._slots[keep:], self._rows[keep:], self._amounts[keep:]
            self._first = max(self._first, oldest)

    def within(self, first: int, end: int, series: int) -> Resets | None:
        """Those in slots first < s < end; None if there are more than counters can have."""
        if len(self._slots) > max(_FEW_FALLS, series * (self._next - self._first) // 16):
            self.hopeless = True
            self._begin(0)
            return None
        if not len(self._slots):
            return NO_RESETS
        low, high = (int(place) for place in self._slots.searchsorted((first, end - 1), side="right"))
        if high - low > max(_FEW_FALLS, series * (end - first) // 16):
            return None
        return Resets(self._slots[low:high], self._rows[low:high], self._amounts[low:high])
