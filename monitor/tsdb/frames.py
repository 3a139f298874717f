"""Frames as they are stored: the history of series that are written together.

A frame is a chain of chunks. When its series set changes, the chunk is ended and the next one has another layout, so a
series that stays keeps its history and one that returns finds it again. The chain is a tuple that is replaced, never
changed: whoever holds it reads on undisturbed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import MISSING_VALUE, missing
from monitor.model.times import Timestamp
from monitor.tsdb.chunks import SLOTS, AnyChunk, Chunk, Layout, PackedChunk, padded
from monitor.tsdb.newest import NEVER, NewestSamples


class FrameKind(IntEnum):
    """Who writes a frame. The numbers are those of the log."""

    ROWS = 0
    """A row writer."""
    LOOSE = 1
    """Loose samples."""
    LATE = 2
    """Samples that are older than their series' newest one (see `late`)."""


class StoredFrame:
    """The chain of chunks of one frame. Written by the loop only."""

    __slots__ = (
        "_newest",
        "chunks",
        "coming",
        "held",
        "kind",
        "last",
        "layout",
        "logged_first",
        "logged_layout",
        "logged_segment",
        "number",
        "open",
    )

    def __init__(self, number: int, layout: Layout, newest: NewestSamples, kind: FrameKind) -> None:
        self._newest = newest
        self.number = number
        self.kind = kind
        self.open = True
        self.held = False
        """Is being made ready, or taken apart, in steps: nobody else lets go of it or takes it up."""
        self.layout = layout
        """Of the next slot."""
        self.coming: list[NDArray[np.int32]] = []
        """Series of a layout that is being made."""
        self.chunks: tuple[AnyChunk, ...] = ()
        self.last: Timestamp = NEVER
        """Time of the newest slot."""
        self.logged_first = 0
        """The log has all slots with numbers below this."""
        self.logged_layout: Layout | None = None
        """What the current segment of the log says about this frame's series."""
        self.logged_segment = -1

    @property
    def end(self) -> int:
        """The number of the next slot, counted from the frame's beginning."""
        if not self.chunks:
            return self.logged_first
        newest = self.chunks[-1]
        return newest.first + newest.count

    def add(self, at: Timestamp, values: NDArray[np.float64] | Sequence[float], sequence: int) -> bool:
        """Add a slot; False if it is not later than the last one, which changes nothing. Raises ValueError for a row of
        the wrong width."""
        if len(values) != len(self.layout.sids):
            raise ValueError(f"a row of {len(values)} values for {len(self.layout.sids)} series")
        if at <= self.last:
            return False
        chunks = self.chunks
        chunk = chunks[-1] if chunks else None
        if chunk is None or chunk.layout is not self.layout or type(chunk) is not Chunk or chunk.full:
            chunk = Chunk(self.layout, self.end)
            whole = chunk.add(at, values, sequence)
            self.chunks = (*chunks, chunk)
        else:
            whole = chunk.add(at, values, sequence)
        self._newest.note(self.layout.where, at, chunk.matrix[chunk.count - 1], sequence, whole=whole)
        self.last = at
        return True

    def replay(self, times: Sequence[Timestamp], rows: NDArray[np.float64]) -> int:
        """Add slots of an earlier life, which every view shows; those that are not later than the one before are passed
        over. How many were added."""
        stamps = np.array(times, dtype=np.int64)
        if not len(stamps):
            return 0
        if stamps[0] <= self.last or bool((np.diff(stamps) <= 0).any()) or bool(np.isnan(rows).any()):
            return sum([self.add(at, row, 0) for at, row in zip(times, rows, strict=True)])
        done = 0
        while done < len(stamps):
            chunk = self.chunks[-1] if self.chunks else None
            if type(chunk) is not Chunk or chunk.layout is not self.layout or chunk.full:
                chunk = Chunk(self.layout, self.end)
                self.chunks = (*self.chunks, chunk)
            more = min(len(stamps) - done, SLOTS - chunk.count)
            chunk.extend(stamps[done : done + more], rows[done : done + more])
            done += more
        self.last = times[-1]
        self._newest.note(self.layout.where, self.last, rows[-1], 0, whole=True)
        return done

    def lay_out(self, sids: NDArray[np.int32]) -> None:
        """The series of the next slots."""
        if not np.array_equal(sids, self.layout.sids):
            self.layout = Layout(sids)

    def known_sids(self) -> NDArray[np.int32]:
        """All series of this frame, past and coming ones included: distinct, ascending, int32."""
        layouts = {id(layout): layout for layout in (self.layout, *(chunk.layout for chunk in self.chunks))}
        return distinct(np.concatenate([*(layout.sids for layout in layouts.values()), *self.coming]))

    def last_of(self, sid: int) -> tuple[Timestamp, float]:
        """This series' newest sample, stale markers included; with a time before all times if there is none."""
        wanted = np.array([sid], dtype=np.int64)
        for chunk in reversed(self.chunks):
            columns = chunk.layout.columns(wanted)
            if columns[0] >= 0:
                values = chunk.read(0, chunk.count, columns)[:, 0]
                present = np.flatnonzero(~missing(values))
                if len(present):
                    return int(chunk.times[present[-1]]), float(values[present[-1]])
        return NEVER, 0.0

    def reaches(self, at: Timestamp) -> bool:
        """Is there a sample of this time or a later one?"""
        return self.last >= at

    def samples_at(self, at: Timestamp, sids: NDArray[np.int64]) -> NDArray[np.float64]:
        """What these series have at this very time, (S,); MISSING where there is nothing."""
        for chunk in reversed(self.chunks):
            if chunk.begin <= at <= chunk.last:
                slot = int(chunk.times[: chunk.count].searchsorted(at))
                if chunk.times[slot] == at:
                    return padded(chunk, slot, slot + 1, chunk.layout.columns(sids))[0]
            if chunk.last < at:
                break
        return missing_row(len(sids))

    def silent_sids(self) -> NDArray[np.int32]:
        """Those of the current layout without any sample in the newest chunk, int32."""
        chunk = self.chunks[-1] if self.chunks else None
        if chunk is None or chunk.layout is not self.layout:
            return np.empty(0, dtype=np.int32)
        silent = missing(chunk.read(0, chunk.count, slice(None))).all(axis=0)
        return self.layout.sids[silent]

    def drop_before(self, horizon: Timestamp) -> bool:
        """Drop chunks that end before `horizon`. True if one was dropped."""
        chunks = self.chunks
        keep = 0
        while keep < len(chunks) and chunks[keep].last < horizon:
            keep += 1
        if not keep:
            return False
        if keep == len(chunks):
            self.logged_first = max(self.logged_first, self.end)
        self.chunks = chunks[keep:]
        return True

    def cooled(self, before: Timestamp) -> list[Chunk]:
        """Chunks that can be packed, oldest first: they end before this time and take no more slots."""
        found: list[Chunk] = []
        newest = self.chunks[-1] if self.chunks else None
        for chunk in reversed(self.chunks):
            # Packing goes from the oldest on, so all before a packed one are packed.
            if not isinstance(chunk, Chunk):
                break
            if chunk.last < before and (chunk.full or chunk is not newest):
                found.append(chunk)
        found.reverse()
        return found

    def swap(self, old: Chunk, packed: PackedChunk) -> None:
        """Put a packed chunk in its place, unless the original has been dropped meanwhile."""
        self.chunks = tuple([packed if chunk is old else chunk for chunk in self.chunks])


def distinct(sids: NDArray[np.int32]) -> NDArray[np.int32]:
    """Each of them once, ascending."""
    # numpy.unique does the same, but it sorts, and imports numpy.ma for it: fifteen milliseconds and a megabyte.
    there = np.zeros(int(sids.max(initial=-1)) + 1, dtype=np.bool_)
    there[sids] = True
    return np.flatnonzero(there).astype(np.int32)


def missing_row(width: int) -> NDArray[np.float64]:
    """A new row of `width` values that are all MISSING."""
    row = np.empty(width, dtype=np.float64)
    row[:] = MISSING_VALUE
    return row


def extent(
    chunks: Sequence[AnyChunk], start: Timestamp, end: Timestamp, sequence: int
) -> list[tuple[AnyChunk, int, int]]:
    """The slots with times in [start, end] that were written up to `sequence`: (chunk, low, high) in order of time."""
    parts: list[tuple[AnyChunk, int, int]] = []
    # Queries mostly want the newest; so the chain is walked from its end.
    for chunk in reversed(chunks):
        count = chunk.count
        if isinstance(chunk, Chunk) and chunk.sequences[count - 1] > sequence:
            count = int(chunk.sequences[:count].searchsorted(sequence, side="right"))
            if not count:
                continue
        times = chunk.times
        if times[count - 1] < start:
            break
        low = 0 if times[0] >= start else int(times[:count].searchsorted(start))
        high = count if times[count - 1] <= end else int(times[:count].searchsorted(end, side="right"))
        if low < high:
            parts.append((chunk, low, high))
    parts.reverse()
    return parts
