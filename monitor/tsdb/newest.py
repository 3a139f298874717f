"""The newest sample of each series, side by side.

Rules and early looks ask for what is newest, of a thousand frames with one row each as often as of one frame with a
thousand series. Frame by frame that is a thousand searches; here it is one gather. The arrays are a copy of what the
frames hold: the row that is written last is written here as well.

A reader in another thread sees by `writing` whether a row came between; then, and for series that this table is not sure
of, the frames are asked.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import missing
from monitor.model.times import Timestamp

NEVER: Final = -(1 << 62)
"""The time of a series without a sample."""

UNSURE: Final = 1 << 62
"""The time of a series whose frames must be asked: later than any instant."""


class NewestSamples:
    """By sid. Written by the loop only."""

    __slots__ = ("_times", "_values", "writing")

    def __init__(self) -> None:
        self._values = np.zeros(64, dtype=np.float64)
        self._times = np.full(64, NEVER, dtype=np.int64)
        self.writing = 0
        """The store's running number of the row that was noted last, set before it is."""

    def reserve(self, count: int) -> None:
        """Sids below this will be written."""
        size = len(self._times)
        if count > size:
            size = max(count, size + (size >> 1))
            values, times = np.zeros(size, dtype=np.float64), np.full(size, NEVER, dtype=np.int64)
            values[: len(self._values)], times[: len(self._times)] = self._values, self._times
            self._values, self._times = values, times

    def note(
        self,
        sids: slice | NDArray[np.int32],
        at: Timestamp,
        row: NDArray[np.float64],
        sequence: int,
        *,
        whole: bool,
    ) -> None:
        """These series' samples of one row. `whole`: none of them is MISSING."""
        self.writing = sequence
        if whole:
            self._values[sids] = row
            self._times[sids] = at
            return
        here = ~missing(row)
        if isinstance(sids, slice):
            sids = np.arange(sids.start, sids.stop, dtype=np.int32)
        self._values[sids[here]] = row[here]
        self._times[sids[here]] = at

    def doubt(self, sids: NDArray[np.int32], sequence: int) -> None:
        """These series have got samples in a row that may be older than what this table has of them."""
        self.writing = sequence
        self._times[sids] = UNSURE

    def mark(self, sids: list[int], time: Timestamp) -> None:
        """NEVER: these numbers are free for other series. UNSURE: their frames must be asked until the next row."""
        self._times[sids] = time

    def of(self, sid: int) -> tuple[Timestamp, float] | None:
        """The sample of one series that lives in one frame, on the loop; None if that frame must be asked."""
        at = int(self._times[sid])
        return None if at == UNSURE else (at, float(self._values[sid]))

    def read(self, sids: NDArray[np.int64], sequence: int) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
        """Values and times of these series, (S,) each, as of this running number; None if rows were written since."""
        if self.writing > sequence:
            return None
        values, times = self._values[sids], self._times[sids]
        return None if self.writing > sequence else (values, times)
