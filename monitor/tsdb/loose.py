"""Loose samples find their frames.

What comes together in one call mostly comes together again: the outcome of a recording rule, the alerts of a group. So
new series of one call share a new frame, and later calls fill a row of it, MISSING where a series is not mentioned. A
series whose time does not fit its frame (the frame has gone on without it) moves to a frame of its own and is merged
with its past when it is read.

Rules give the same series at each slot. Where the series of one list go is remembered by the list: one look instead of one
for each series. A frame whose series change gets another layout, which tells that what is remembered is no longer so.
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from monitor.model.labels import Labels
from monitor.model.times import Timestamp
from monitor.tsdb.chunks import Layout
from monitor.tsdb.frames import StoredFrame, missing_row
from monitor.tsdb.head import at_once
from monitor.tsdb.homes import Homes
from monitor.tsdb.newest import NEVER

_NOWHERE = -1
_SPARE = 1_000
_STEP = 500
"""Series that are looked at in one step."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the samples of one call go."""

    rows: dict[StoredFrame, NDArray[np.float64]]
    """One new row a frame, MISSING where nothing came."""
    fresh: dict[Labels, float]
    """Samples of series that need a new frame."""
    late: dict[Labels, float]
    """Samples that are older than their series' newest one."""
    behind: set[StoredFrame]
    """The loose frames that have these newer ones."""
    repeated: int
    """Samples of series that have been mentioned before in the same call."""
    duplicates: int
    """Samples with the time of their series' last one and another value. With the same value they are what is there
    already, and not counted, as in Prometheus."""


@dataclass(frozen=True, slots=True)
class Part:
    """The series of one list that go to one frame."""

    frame: StoredFrame
    layout: Layout
    """The frame's at that time."""
    columns: NDArray[np.int64]
    chosen: NDArray[np.int64] | None
    """Which series of the list these are; None: all of them."""


class _Places:
    """Which frame, and which column of it, by sid. In arrays: a pair for each series would be one more object for the garbage
    collector to walk over while many come, and a map of them all holds up the loop when it grows."""

    __slots__ = ("_columns", "_frames", "_numbers", "count")

    def __init__(self, frames: Mapping[int, StoredFrame]) -> None:
        """`frames`: all that there are, by number."""
        self._frames = frames
        self._numbers = array("q")
        self._columns = array("q")
        self.count = 0
        """How many series have a place."""

    def frame(self, sid: int) -> StoredFrame | None:
        number = self._numbers[sid] if sid < len(self._numbers) else _NOWHERE
        return None if number == _NOWHERE else self._frames[number]

    def get(self, sid: int) -> tuple[StoredFrame, int] | None:
        frame = self.frame(sid)
        return None if frame is None else (frame, self._columns[sid])

    def put(self, sid: int, frame: StoredFrame, column: int) -> None:
        more = sid + 1 - len(self._numbers)
        if more > 0:
            self._numbers.extend([_NOWHERE] * more)
            self._columns.extend([_NOWHERE] * more)
        self.count += self._numbers[sid] == _NOWHERE
        self._numbers[sid], self._columns[sid] = frame.number, column

    def drop(self, frame: StoredFrame, sids: NDArray[np.int32]) -> None:
        """Those of these series that are in this frame have no place any more."""
        if not self._numbers:
            return
        numbers = np.frombuffer(self._numbers, dtype=np.int64)
        sids = sids[sids < len(numbers)]
        own = sids[numbers[sids] == frame.number]
        numbers[own] = _NOWHERE
        self.count -= len(own)


class LooseFrames:
    """Which frame, and which column of it, takes each loose series."""

    __slots__ = ("_evicted", "_homes", "_late", "_lists", "_places", "listed")

    def __init__(self, homes: Homes, *, late: bool = False) -> None:
        """`late`: samples need not be newer than those of their series, and their frames take them in any order."""
        self._homes = homes
        self._late = late
        self._evicted = 0
        """How many frames are no more: what was decided before one went may be for it."""
        self._places = _Places(homes.frames)
        self._lists: dict[int, tuple[tuple[Labels, ...], tuple[Part, ...]]] = {}
        """By the id of the list, which is kept so that its id is not given to another one."""
        self.listed = 0
        """How many series all these lists have."""

    def settle(self, frame: StoredFrame) -> None:
        """These series are written to this frame from now on, and leave the frames that had them."""
        at_once(self.settling(frame))

    def settling(self, frame: StoredFrame) -> Generator[None, None, None]:
        """`settle` in steps."""
        left: dict[StoredFrame, set[int]] = {}
        layout = frame.layout
        for column, sid in enumerate(layout.sids.tolist()):
            if column % _STEP == _STEP - 1:
                yield
                if frame.layout is not layout:
                    break  # others were written meanwhile and have left it, which gave the rest their places
            old = self._places.frame(sid)
            if old is not None and old is not frame:
                left.setdefault(old, set()).add(sid)
            self._places.put(sid, frame, column)
        for old_frame, sids in left.items():
            self._leave(old_frame, sids)

    def prune(self, frame: StoredFrame) -> None:
        """Series that had no sample in the whole newest chunk no longer take part."""
        silent = frame.silent_sids()
        if len(silent):
            self._places.drop(frame, silent)
            self._leave(frame, set(silent.tolist()))

    def evict(self, frame: StoredFrame) -> None:
        """This frame is no more."""
        self._evicted += 1
        self._forget_lists()
        self._places.drop(frame, frame.layout.sids)

    def has(self, labels: Labels) -> bool:
        """Has this series a place?"""
        sid = self._homes.index.find(labels)
        return sid is not None and self._places.frame(sid) is not None

    def place(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> Placed:
        """Decide where samples with this time go; writes nothing."""
        placed = at_once(self.placing(at, samples))
        assert placed is not None
        return placed

    def placing(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> Generator[None, None, Placed | None]:
        """`place` in steps; None if others have meanwhile changed or written the frames."""
        rows: dict[StoredFrame, NDArray[np.float64]] = {}
        layouts: dict[StoredFrame, Layout] = {}
        fresh: dict[Labels, float] = {}
        late: dict[Labels, float] = {}
        behind: set[StoredFrame] = set()
        taken: set[int] = set()
        repeated = duplicates = 0
        evicted = self._evicted
        find, contested, places = self._homes.index.find, self._homes.is_contested, self._places
        for number, (labels, value) in enumerate(samples):
            if number % _STEP == _STEP - 1:
                yield
                if self._evicted != evicted or any(
                    frame.layout is not layout or frame.last >= at for frame, layout in layouts.items()
                ):
                    return None
            sid = find(labels)
            place = places.get(sid) if sid is not None else None
            if sid in taken or labels in fresh or labels in late:
                repeated += 1
                continue
            fits = sid is not None and place is not None and place[0].last < at
            if sid is None or self._late or (fits and not contested(sid)):
                last, there = NEVER, 0.0
            else:
                last, there = self._homes.newest_of(sid)
            if last < at and sid is not None and place is not None and fits:
                frame, column = place
                row = rows.get(frame)
                if row is None:
                    row = rows[frame] = missing_row(len(frame.layout))
                    layouts[frame] = frame.layout
                row[column] = value
                taken.add(sid)
            elif last < at:
                fresh[labels] = value
            elif last > at:
                late[labels] = value
                if place is not None:
                    behind.add(place[0])
            elif value != there and not (isnan(value) and isnan(there)):
                duplicates += 1
        return Placed(rows, fresh, late, behind, repeated, duplicates)

    def place_again(
        self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]
    ) -> dict[StoredFrame, NDArray[np.float64]] | None:
        """The rows that `place` would give for these samples, if that is known of the list; else None."""
        known = self._lists.get(id(labels))
        if known is None or known[0] is not labels:
            return None
        return self.rows_of(known[1], at, values)

    def rows_of(
        self, parts: Sequence[Part], at: Timestamp, values: Sequence[float]
    ) -> dict[StoredFrame, NDArray[np.float64]] | None:
        """The rows for these samples; None if their frames do not take them any more."""
        for part in parts:
            if part.frame.layout is not part.layout or part.frame.last >= at:
                return None
        given = np.array(values, dtype=np.float64)
        rows: dict[StoredFrame, NDArray[np.float64]] = {}
        for part in parts:
            row = rows[part.frame] = missing_row(len(part.layout))
            row[part.columns] = given if part.chosen is None else given[part.chosen]
        return rows

    def learn(self, labels: tuple[Labels, ...]) -> None:
        """Remember where the series of this list, which have just been written, go."""
        parts = at_once(self.parting(labels))
        if parts is not None:
            self.remember(labels, parts)

    def parting(self, labels: Sequence[Labels]) -> Generator[None, None, tuple[Part, ...] | None]:
        """Where the series of this list go, looked up in steps; None if some have no place yet, or there is more to be
        looked at."""
        frames: dict[StoredFrame, tuple[list[int], list[int]]] = {}
        seen: set[int] = set()
        evicted = self._evicted
        for number, each in enumerate(labels):
            if number % _STEP == _STEP - 1:
                yield
                if self._evicted != evicted:
                    return None
            sid = self._homes.index.find(each)
            place = self._places.get(sid) if sid is not None else None
            if sid is None or place is None or sid in seen or self._homes.is_contested(sid):
                return None
            seen.add(sid)
            columns, chosen = frames.setdefault(place[0], ([], []))
            columns.append(place[1])
            chosen.append(number)
        return tuple(
            Part(
                frame,
                frame.layout,
                np.array(columns, dtype=np.int64),
                None if len(frames) == 1 else np.array(chosen, dtype=np.int64),
            )
            for frame, (columns, chosen) in frames.items()
        )

    def remember(self, labels: tuple[Labels, ...], parts: tuple[Part, ...]) -> None:
        """These are the parts of this list."""
        if self.listed > _SPARE + 2 * self._places.count:
            self._forget_lists()  # most are of the past
        self._lists[id(labels)] = (labels, parts)
        self.listed += len(labels)

    def _forget_lists(self) -> None:
        self._lists.clear()
        self.listed = 0

    def _leave(self, frame: StoredFrame, sids: set[int]) -> None:
        stay = [sid for sid in frame.layout.sids.tolist() if sid not in sids]
        before = frame.known_sids()
        frame.lay_out(np.array(stay, dtype=np.int32))
        gone = np.setdiff1d(before, frame.known_sids(), assume_unique=True)
        if len(gone):
            self._homes.move_out(frame, gone)
        for column, sid in enumerate(stay):
            self._places.put(sid, frame, column)
