"""Chunks: a stretch of one frame's history, up to 64 slots.

Slots are rows here and series columns, so that a new sample row is one contiguous write. A chunk is only ever added to:
slots below `count` never change again, `count` is raised last, and a chunk that outgrows its arrays gets larger copies.
A reader in another thread who takes `count` first may therefore read any slot below it. A chunk that is full and has
cooled down is replaced, never changed, by its packed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.columns.distinct import distinct
from monitor.columns.nans import MISSING_VALUE, missing, stale
from monitor.model.times import Timestamp
from monitor.tsdb.packing import pack, unpack

SLOTS: Final = 64
_FIRST_SLOTS: Final = 8
_GROWS_BELOW: Final = 512
"""Series; wider chunks get all their slots at once, since untouched pages of a large array cost nothing."""

PACKED_AT_ONCE: Final = 1024
"""Series packed in one go: a few milliseconds."""


class Layout:
    """Which series the columns of a chunk are: distinct sids in column order."""

    __slots__ = ("_base", "_order", "sids", "where")

    def __init__(self, sids: NDArray[np.int32]) -> None:
        self.sids = sids
        self.where: slice | NDArray[np.int32] = sids
        """The sids as an index, a slice where they are consecutive."""
        count = len(sids)
        straight = count > 0 and int(sids[-1]) - int(sids[0]) == count - 1 and bool((np.diff(sids) == 1).all())
        self._base = int(sids[0]) if straight else -1
        if straight:
            self.where = slice(self._base, self._base + count)
        self._order: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.sids)

    def columns(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where these sids stand, -1 for those that do not."""
        if self._base >= 0:
            columns = wanted - self._base
            return np.where((columns >= 0) & (columns < len(self.sids)), columns, -1)
        if not len(self.sids):
            return np.full(len(wanted), -1, dtype=np.int64)
        order = self._order
        if order is None:
            order = self._order = np.argsort(self.sids)
        places = np.minimum(np.searchsorted(self.sids, wanted, sorter=order), len(self.sids) - 1)
        columns = order[places]
        return np.where(self.sids[columns] == wanted, columns, -1)


class Chunk:
    """An open or just filled chunk."""

    __slots__ = (
        "__weakref__",
        "count",
        "first",
        "gap_columns",
        "gaps",
        "layout",
        "matrix",
        "packing",
        "sequences",
        "times",
    )

    def __init__(self, layout: Layout, first: int) -> None:
        slots = _FIRST_SLOTS if len(layout) < _GROWS_BELOW else SLOTS
        self.layout = layout
        self.first = first
        """The number of the first slot within its frame, counted from the frame's beginning."""
        self.count = 0
        self.times = np.empty(slots, dtype=np.int64)
        self.matrix = np.empty((slots, len(layout)), dtype=np.float64)
        """(slots, series)."""
        self.sequences = np.empty(slots, dtype=np.int64)
        """The store's running number at which a slot was written: a view shows slots up to its own."""
        self.gaps: NDArray[np.int32] | None = None
        """(slots + 1,): how many slots below have a missing or stale value; None as long as there is none."""
        self.gap_columns: NDArray[np.bool_] | None = None
        """(series,): which series have one."""
        self.packing: list[bytes] = []

    @property
    def last(self) -> Timestamp:
        """Time of the newest slot; there must be one."""
        return int(self.times[self.count - 1])

    @property
    def begin(self) -> Timestamp:
        """Time of the oldest slot; there must be one."""
        return int(self.times[0])

    def span(self, low: int, high: int) -> tuple[Timestamp, Timestamp]:
        """The earliest and the latest time in slots low <= slot < high, of which there must be one."""
        return int(self.times[low]), int(self.times[high - 1])

    @property
    def full(self) -> bool:
        return self.count >= SLOTS

    @property
    def size(self) -> int:
        """Bytes in memory, of the arrays' used and unused parts."""
        return (
            700
            + 16 * len(self.times)
            + (self.matrix.nbytes if len(self.times) < SLOTS else self.count * self.matrix.strides[0])
        )

    def add(self, at: Timestamp, values: NDArray[np.float64] | Sequence[float], sequence: int) -> bool:
        """Add a slot to a chunk that is not full. `values` must be as many as there are series. True if none is NaN."""
        slot = self.count
        if slot == len(self.times):
            self._grow()
        row = self.matrix[slot]
        row[:] = values
        self.times[slot] = at
        self.sequences[slot] = sequence
        whole = not np.count_nonzero(np.isnan(row))
        if not whole:
            self._note_gaps(slot, row)
        elif self.gaps is not None:
            self.gaps[slot + 1] = self.gaps[slot]
        self.count = slot + 1
        return whole

    def extend(self, times: NDArray[np.int64], rows: NDArray[np.float64]) -> None:
        """Add slots without a NaN that are as old as the store, as many as there is room for."""
        begin, end = self.count, self.count + len(times)
        while end > len(self.times):
            self._grow()
        self.matrix[begin:end] = rows
        self.times[begin:end] = times
        self.sequences[begin:end] = 0
        if self.gaps is not None:
            self.gaps[begin + 1 : end + 1] = self.gaps[begin]
        self.count = end

    def gapless(self, low: int, high: int, columns: NDArray[np.int64]) -> bool:
        """True only if these series have a value in each of these slots."""
        gaps = self.gaps
        if gaps is None or gaps[low] == gaps[high]:
            return True
        if self.gap_columns is not None and not self.gap_columns[columns].any():
            return True
        part = self.matrix[low:high, columns]
        return not bool((missing(part) | stale(part)).any())

    def read(self, low: int, high: int, columns: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        """(slots, series) of the asked part; not to be written to."""
        return self.matrix[low:high, columns]

    def _grow(self) -> None:
        # In small steps: of a thousand narrow chunks, what is not yet used adds up.
        slots = min(len(self.times) + max(len(self.times) // 2, _FIRST_SLOTS), SLOTS)
        matrix = np.empty((slots, len(self.layout)), dtype=np.float64)
        matrix[: self.count] = self.matrix[: self.count]
        self.matrix = matrix
        self.times = np.resize(self.times, slots)
        self.sequences = np.resize(self.sequences, slots)

    def _note_gaps(self, slot: int, row: NDArray[np.float64]) -> None:
        here = missing(row) | stale(row)
        gaps = self.gaps if self.gaps is not None else np.zeros(SLOTS + 1, dtype=np.int32)
        any_here = bool(here.any())
        gaps[slot + 1] = gaps[slot] + any_here
        if any_here:
            self.gap_columns = here if self.gap_columns is None else self.gap_columns | here
        self.gaps = gaps

    def pack_some(self) -> PackedChunk | None:
        """Pack the next block of series of a full or abandoned chunk; the whole packed chunk once all are done."""
        done = len(self.packing) * PACKED_AT_ONCE
        if done < len(self.layout):
            self.packing.append(pack(self.matrix[: self.count, done : done + PACKED_AT_ONCE]))
            done += PACKED_AT_ONCE
        return PackedChunk(self) if done >= len(self.layout) else None


class PackedChunk:
    """A cooled chunk: same slots, packed. Reading one series does not unpack the others."""

    __slots__ = ("_blocks", "_gap_columns", "_gaps", "_origin", "_times", "count", "first", "last", "layout")

    def __init__(self, chunk: Chunk) -> None:
        self.layout = chunk.layout
        self.first = chunk.first
        self.count = chunk.count
        self.last = chunk.last
        self._blocks = tuple(chunk.packing)
        self._origin = int(chunk.times[0])
        steps = chunk.times[: chunk.count] - self._origin
        self._times = steps.astype(np.uint32 if steps[-1] < 2**32 else np.int64)
        self._gaps = None if chunk.gaps is None else chunk.gaps[: chunk.count + 1].astype(np.uint8)
        self._gap_columns = chunk.gap_columns

    @property
    def begin(self) -> Timestamp:
        """Time of the oldest slot."""
        return self._origin

    def span(self, low: int, high: int) -> tuple[Timestamp, Timestamp]:
        times = self.times
        return int(times[low]), int(times[high - 1])

    @property
    def times(self) -> NDArray[np.int64]:
        return self._times.astype(np.int64) + self._origin

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return 400 + self._times.nbytes + sum(len(block) for block in self._blocks)

    def gapless(self, low: int, high: int, columns: NDArray[np.int64]) -> bool:
        gaps = self._gaps
        if gaps is None or gaps[low] == gaps[high]:
            return True
        if self._gap_columns is not None and not self._gap_columns[columns].any():
            return True
        part = self.read(low, high, columns)
        return not bool((missing(part) | stale(part)).any())

    def read(self, low: int, high: int, columns: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        if isinstance(columns, slice):
            columns = np.arange(len(self.layout), dtype=np.int64)[columns]
        series = len(self.layout)
        if len(self._blocks) == 1:
            return unpack(self._blocks[0], self.count, series, columns)[low:high]
        out = np.empty((high - low, len(columns)), dtype=np.float64)
        numbers = columns // PACKED_AT_ONCE
        for number in distinct(numbers):
            place = np.flatnonzero(numbers == number)
            width = min(PACKED_AT_ONCE, series - int(number) * PACKED_AT_ONCE)
            part = unpack(self._blocks[int(number)], self.count, width, columns[place] % PACKED_AT_ONCE)
            out[:, place] = part[low:high]
        return out


AnyChunk = Chunk | PackedChunk


def padded(chunk: AnyChunk, low: int, high: int, columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Like `read`, with MISSING for columns of -1."""
    present = columns >= 0
    out = np.empty((high - low, len(columns)), dtype=np.float64)
    out[:, ~present] = MISSING_VALUE
    out[:, present] = chunk.read(low, high, columns[present])
    return out
