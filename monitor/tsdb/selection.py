"""Answers to `select`: which series, and frames over their chunks.

A selection is planned once and kept until the series set changes; even then a group whose series and frames are still
the same stays the same object, with its label list, so that what the evaluator has planned upon it stays valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.columns.distinct import distinct
from monitor.columns.frame import Frame, MatrixFrame, Newest, Resets
from monitor.columns.nans import missing
from monitor.model.labels import Labels
from monitor.model.times import Timestamp
from monitor.tsdb.chunks import AnyChunk, Chunk, Layout, PackedChunk, padded
from monitor.tsdb.falls import NO_RESETS, Falls
from monitor.tsdb.frames import StoredFrame, extent, missing_row
from monitor.tsdb.late import LateFrame, in_order
from monitor.tsdb.newest import NEVER, UNSURE, NewestSamples
from monitor.tsdb.unpacked import Unpacked

_LAYOUTS_REMEMBERED: Final = 16
_WIDE: Final = 512
"""Series; of narrower rows all columns are near each other."""
_SCATTERED: Final = 4
_FEW_SLOTS: Final = 4
"""Up to so many are read one by one."""

_FALLS: Final = Lock()
"""One for all groups: there are many, and what it guards is short."""

_UNPACKED: Final = Unpacked()
"""Of all groups."""

_Parts = Sequence[tuple[AnyChunk, int, int]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a group's series stand in chunks of one layout."""

    layout: Layout
    columns: NDArray[np.int64]
    """One a series; -1 where the layout lacks it."""
    span: slice | None
    """The same as a slice, if it is one; reading a slice copies nothing."""
    complete: bool
    """No -1 among the columns."""
    scattered: bool
    """They are a few of many."""


class Group:
    """Selected series that live in the same frames (nearly always one). `labels` is what identifies it."""

    __slots__ = ("_falls", "_places", "births", "frames", "labels", "sids")

    def __init__(
        self,
        frames: tuple[StoredFrame, ...],
        sids: NDArray[np.int64],
        births: NDArray[np.uint64],
        labels: tuple[Labels, ...],
    ) -> None:
        self.frames = frames
        self.sids = sids
        self.births = births
        self.labels = labels
        self._places: dict[int, Place] = {}
        self._falls: dict[int, Falls] = {}
        """By the number of the frame: each numbers its slots for itself."""

    def place(self, layout: Layout) -> Place:
        """Where this group's series stand; remembered."""
        place = self._places.get(id(layout))
        if place is None or place.layout is not layout:
            columns = layout.columns(self.sids)
            straight = len(columns) > 0 and columns[0] >= 0 and bool((np.diff(columns) == 1).all())
            span = slice(int(columns[0]), int(columns[-1]) + 1) if straight else None
            place = Place(
                layout=layout,
                columns=columns,
                span=span,
                complete=bool((columns >= 0).all()),
                scattered=len(layout) >= _WIDE and len(columns) * _SCATTERED <= len(layout),
            )
            if len(self._places) >= _LAYOUTS_REMEMBERED:
                self._places = {}
            self._places[id(layout)] = place
        return place

    def read(self, chunk: AnyChunk, low: int, high: int) -> NDArray[np.float64]:
        """(slots, series)."""
        place = self.place(chunk.layout)
        if isinstance(chunk, PackedChunk) and place.complete:
            columns = place.columns if place.span is None else place.span
            return _UNPACKED.get(chunk, place, lambda: chunk.read(0, chunk.count, columns))[low:high]
        if place.span is not None:
            return chunk.read(low, high, place.span)
        if place.complete:
            if type(chunk) is Chunk and place.scattered and high - low > _FEW_SLOTS:
                return _UNPACKED.gathered(chunk, place, place.columns, high)[low:]
            return chunk.read(low, high, place.columns)
        return padded(chunk, low, high, place.columns)

    def pick(self, chunk: AnyChunk, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """(len(slots), series)."""
        place = self.place(chunk.layout)
        if isinstance(chunk, Chunk) and place.complete:
            if place.span is not None:
                return chunk.matrix[slots, place.span]
            out = np.empty((len(slots), len(place.columns)), dtype=np.float64)
            for row, slot in enumerate(slots.tolist()):  # row by row: half the time of both indexes at once
                chunk.matrix[slot].take(place.columns, out=out[row], mode="clip")
            return out
        low = int(slots.min())
        return self.read(chunk, low, int(slots.max()) + 1)[slots - low]

    def falls(self, number: int, chunks: Sequence[AnyChunk], first: int, end: int) -> Resets | None:
        """Where values fell in slots first < s < end of frame `number` (slots within it, and so are those of the answer);
        None if too often to be counters."""
        with _FALLS:
            falls = self._falls.get(number)
            if falls is None:
                falls = self._falls[number] = Falls()
            if falls.hopeless:
                return None
            falls.follow(self.read, chunks, first, end)
            return falls.within(first, end, len(self.sids))

    def answer(self, start: Timestamp, end: Timestamp, sequence: int) -> Frame | None:
        """These series' samples in [start, end] as written up to `sequence`; None if there are none."""
        found: list[Frame] = []
        for frame in self.frames:
            chunks = frame.chunks
            if isinstance(frame, LateFrame):
                late = in_order(chunks, self.sids, start, end, sequence)
                if late is not None:
                    found.append(MatrixFrame(self.labels, late[0], late[1].T))
                continue
            parts = extent(chunks, start, end, sequence)
            if parts:
                found.append(StoredSelection(self, frame.number, chunks, parts))
        if len(found) < 2:
            return found[0] if found else None
        return _merged(found, self.labels)


class StoredSelection:
    """A `Frame` over the chunks of one stored frame."""

    __slots__ = ("_chunks", "_expanded", "_falls", "_group", "_number", "_parts", "_times")

    def __init__(self, group: Group, number: int, chunks: tuple[AnyChunk, ...], parts: _Parts) -> None:
        self._group = group
        self._number = number
        self._chunks = chunks
        self._parts = parts
        self._times: NDArray[np.int64] | None = None
        self._expanded: NDArray[np.float64] | None = None
        self._falls: Resets | bool | None = None

    @property
    def labels(self) -> Sequence[Labels]:
        return self._group.labels

    @property
    def times(self) -> NDArray[np.int64]:
        times = self._times
        if times is None:
            pieces = [chunk.times[low:high] for chunk, low, high in self._parts]
            times = self._times = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return times

    def values(self, low: int, high: int) -> NDArray[np.float64]:
        if self._expanded is not None:
            return self._expanded[low:high].T
        if any(isinstance(chunk, PackedChunk) for chunk, _, _ in self._parts):
            # Unpacking costs more than reading, and an evaluator asks for many windows of one frame.
            pieces = [self._group.read(chunk, first, last) for chunk, first, last in self._parts]
            self._expanded = np.concatenate(pieces)
            return self._expanded[low:high].T
        if len(self._parts) == 1:
            chunk, first, last = self._parts[0]
            return self._group.read(chunk, first + low, min(first + high, last)).T
        out = np.empty((max(high - low, 0), len(self.labels)), dtype=np.float64)
        place = 0
        for chunk, first, last in self._parts:
            begin, end = max(low - place, 0), min(high - place, last - first)
            if begin < end:
                out[place + begin - low : place + end - low] = self._group.read(chunk, first + begin, first + end)
            place += last - first
        return out.T

    def dense(self, low: int, high: int) -> bool:
        place = 0
        for chunk, first, last in self._parts:
            begin, end = max(low - place, 0), min(high - place, last - first)
            if begin < end:
                where = self._group.place(chunk.layout)
                if not where.complete or not chunk.gapless(first + begin, first + end, where.columns):
                    return False
            place += last - first
        return True

    def at(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        if self._expanded is not None:
            return self._expanded[slots].T
        out = np.empty((len(slots), len(self.labels)), dtype=np.float64)
        place = 0
        if len(slots) <= _FEW_SLOTS:
            numbers: list[int] = slots.tolist()
            for chunk, first, last in self._parts:
                for row, slot in enumerate(numbers):
                    if place <= slot < place + last - first:
                        out[row] = self._group.read(chunk, first + slot - place, first + slot - place + 1)[0]
                place += last - first
            return out.T
        for chunk, first, last in self._parts:
            own = np.flatnonzero((slots >= place) & (slots < place + last - first))
            if len(own):
                out[own] = self._group.pick(chunk, slots[own] + (first - place))
            place += last - first
        return out.T

    def resets(self, low: int, high: int) -> Resets | None:
        first = self._parts[0][0].first + self._parts[0][1]
        if self._falls is None:
            newest, _, last = self._parts[-1]
            self._falls = self._group.falls(self._number, self._chunks, first, newest.first + last) or False
        falls = self._falls
        if isinstance(falls, bool):
            return None
        if not len(falls.slots):
            return NO_RESETS
        offset = first + low
        begin, end = (int(place) for place in falls.slots.searchsorted((offset, first + high - 1), side="right"))
        return Resets(falls.slots[begin:end] - offset, falls.rows[begin:end], falls.amounts[begin:end])


class Selection:
    """What one list of matchers selects, for one state of the series set."""

    __slots__ = ("_flat", "_known", "groups", "version")

    def __init__(self, version: int, groups: dict[tuple[int, ...], Group], before: Selection | None) -> None:
        """`before`: what the same matchers selected last; labels of the same series stay the same object."""
        self.version = version
        self.groups = groups
        """By the numbers of their frames."""
        same = before is not None and list(before.groups.values()) == list(groups.values())
        self._flat = before._flat if before is not None and same else None
        self._known: tuple[NDArray[np.int64], tuple[Labels, ...]] | None = None

    def state(self) -> object:
        """Equal as long as nothing was written to the frames of these series. (A new row is later than the one before, or
        counted, so the sum of the frames' last times rises with every row of any.)"""
        groups = self.groups.values()
        return tuple(groups), sum([frame.last for group in groups for frame in group.frames])

    def newest(self, table: NewestSamples, oldest: Timestamp, at: Timestamp, sequence: int) -> Newest | None:
        """See `SampleSource.newest`; None if rows were written since `sequence`."""
        flat = self._flat
        if flat is None:
            flat = self._flat = _flat(list(self.groups.values()))
        read = table.read(flat.sids, sequence)
        if read is None:
            return None
        values, times = read
        times[flat.shared] = UNSURE
        unsure = np.flatnonzero(times > at)
        if len(unsure):
            self._ask_frames(flat, unsure, values, times, oldest, at, sequence)
        here = times > oldest
        count = int(np.count_nonzero(here))
        if 2 * count >= len(here):
            return Newest(flat.labels, values, times)
        # Most of them are of the past: whoever works on labels should not carry them along.
        rows = np.flatnonzero(here)
        known = self._known
        if known is None or not np.array_equal(known[0], rows):
            known = self._known = (rows, tuple([flat.labels[row] for row in rows.tolist()]))
        return Newest(known[1], values[rows], times[rows])

    def _ask_frames(
        self,
        flat: _Flat,
        unsure: NDArray[np.int64],
        values: NDArray[np.float64],
        times: NDArray[np.int64],
        oldest: Timestamp,
        at: Timestamp,
        sequence: int,
    ) -> None:
        """Fill in the rows of the groups to which these rows belong."""
        numbers: list[int] = distinct(flat.starts.searchsorted(unsure, side="right") - 1).tolist()
        for number in numbers:
            group = flat.groups[number]
            low = int(flat.starts[number])
            rows = slice(low, low + len(group.labels))
            times[rows] = NEVER
            frame = group.answer(oldest + 1, at, sequence)
            if frame is None:
                continue
            last = len(frame.times) - 1
            row = frame.at(np.array([last]))[:, 0]
            if not bool(missing(row).any()):
                values[rows], times[rows] = row, frame.times[last]
                continue
            matrix = frame.values(0, len(frame.times))
            slots: NDArray[np.int64] = np.where(missing(matrix), -1, np.arange(len(frame.times))).max(axis=1)
            places: NDArray[np.int64] = np.maximum(slots, 0)
            values[rows] = matrix[np.arange(len(matrix)), places]
            stamps: NDArray[np.int64] = frame.times[places]
            stamps[slots < 0] = NEVER
            times[rows] = stamps


@dataclass(frozen=True, slots=True, eq=False)
class _Flat:
    """All series of a selection one after another."""

    groups: list[Group]
    starts: NDArray[np.int64]
    """The first row of each group."""
    sids: NDArray[np.int64]
    labels: tuple[Labels, ...]
    shared: NDArray[np.int64]
    """Rows of series that live in several frames."""


def _flat(groups: list[Group]) -> _Flat:
    sizes = [len(group.labels) for group in groups]
    starts = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
    several = [
        np.arange(start, start + size, dtype=np.int64)
        for group, start, size in zip(groups, starts.tolist(), sizes, strict=False)
        if len(group.frames) > 1
    ]
    nothing = np.empty(0, dtype=np.int64)
    return _Flat(
        groups=groups,
        starts=starts,
        sids=np.concatenate([nothing, *(group.sids for group in groups)]),
        labels=tuple([labels for group in groups for labels in group.labels]),
        shared=np.concatenate([nothing, *several]),
    )


def _merged(found: Sequence[Frame], labels: Sequence[Labels]) -> MatrixFrame:
    """One frame of series whose samples lie in several; at equal times the later frame wins."""
    times = distinct(np.concatenate([frame.times for frame in found]))
    matrix = missing_row(len(labels) * len(times)).reshape(len(labels), len(times))
    for frame in found:
        slots = times.searchsorted(frame.times)
        part = frame.values(0, len(frame.times))
        here = matrix[:, slots]
        present = ~missing(part)
        here[present] = part[present]
        matrix[:, slots] = here
    return MatrixFrame(labels, times, matrix)
