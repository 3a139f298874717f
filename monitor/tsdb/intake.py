"""Which samples are taken, and where they go: rows of writers, loose samples, and late ones.

Prometheus's rules (tsdb/head_append.go), but for the rows of writers. A sample must be newer than the newest one of its
series. One with the same time is passed over in silence if it has the same value, and is a duplicate if not. Samples that
others stamped may also be older, where a window is set for that: not before the newest sample of all, of whatever series,
less the window, or less an hour for a series that has nothing newer. For a time for which its series has something already a
late sample is passed over; nobody is told, but we count those with another value.

A row of a writer is held against the rows of its frame only: if it is newer than these it is taken, also of series that
another writer, or a loose sample, gave something newer; reading puts them in order. Prometheus would refuse those. What
another one gave another value for the same time is a duplicate, though: the first stays. A row that comes late as a whole is
treated as above, sample by sample. Rules and stale markers never come late: what they tell is of now.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from math import isnan

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import MISSING_VALUE, STALE_VALUE, missing, stale
from monitor.model.labels import Labels
from monitor.model.samples import is_stale
from monitor.model.times import HOUR, Millis, Timestamp
from monitor.tsdb.chunks import Chunk
from monitor.tsdb.frames import FrameKind, StoredFrame
from monitor.tsdb.head import SLICE, Head, at_once
from monitor.tsdb.loose import LooseFrames, Placed

_LOOKED_UP = 5_000
"""Series that are looked up in one step."""

_PLACED = 1_000
"""Odd samples that are placed in one step."""

_SPARSE = 8
"""A row of late samples in which only each eighth series has one is not worth its width."""


class Intake:
    """Takes samples into the head, and counts those that it does not take."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.window: Millis = 0
        """How late a stamped sample may be; 0: not at all."""
        self.dropped = 0
        """Samples that came out of order: not later than the last one of their series or frame."""
        self.too_old = 0
        """Samples from before the window."""
        self.duplicates = 0
        """Samples for the time of their series' newest one, with another value."""
        self.overtaken = 0
        """Late samples for a time for which their series had another value."""
        self.taken_late = 0
        """Late samples that were taken."""
        self.late: dict[StoredFrame, Timestamp] = {}
        """Frames that refused a late row, and the time of their last one then; they are forgotten when they have gone on."""
        self._loose = LooseFrames(head.homes)
        self._late = LooseFrames(head.homes, late=True)

    def row_refused(self, frame: StoredFrame, at: Timestamp, values: NDArray[np.float64] | Sequence[float]) -> None:
        """A row is not later than its frame's last one. Of a row with the same time a sample that is there already is not
        counted, one with another value is a duplicate, as in Prometheus."""
        row = np.array(values, dtype=np.float64)
        there = ~missing(row)
        newest = frame.chunks[-1] if frame.chunks else None
        if newest is not None and newest.last == at and newest.layout is frame.layout:
            stored = newest.read(newest.count - 1, newest.count, slice(None))[0]
            known = ~missing(stored)
            other = (row != stored) & ~(np.isnan(row) & np.isnan(stored))
            self.duplicates += int(np.count_nonzero(there & known & other))
            there &= ~known
        elif not self.window:
            self.late[frame] = frame.last
        if not self.window:
            self.dropped += int(np.count_nonzero(there))
            return
        labels, sids = self.head.homes.index.labels, frame.layout.sids
        places: list[int] = np.flatnonzero(there).tolist()
        pairs = [(labels[int(sids[place])], float(row[place])) for place in places]
        measured = [(own, value) for own, value in pairs if own is not None and not is_stale(value)]
        self.dropped += len(pairs) - len(measured)
        self.stamped(at, measured)

    def first_come(
        self, frame: StoredFrame, at: Timestamp, values: NDArray[np.float64] | Sequence[float]
    ) -> NDArray[np.float64] | Sequence[float]:
        """The row without what other writers gave another value for this very time. An end of a series is then no mistake
        and not counted, as in Prometheus: its target comes back elsewhere."""
        homes = self.head.homes
        contested = homes.contested(frame)
        if contested is None or len(values) != len(frame.layout):
            return values
        if not any(other.reaches(at) for other in contested.others):
            return values
        stored = homes.samples_at(at, contested.sids)
        row = np.array(values, dtype=np.float64)
        own = row[contested.columns]
        other = ~missing(own) & ~missing(stored) & (own != stored) & ~(np.isnan(own) & np.isnan(stored))
        other |= stale(own) & ~missing(stored)
        self.duplicates += int(np.count_nonzero(other & ~stale(own)))
        row[contested.columns[other]] = MISSING_VALUE
        return row

    def loose(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> None:
        """Samples of now."""
        placed = self._loose.place(at, samples)
        self.duplicates += placed.duplicates
        self.dropped += placed.repeated + len(placed.late)
        for frame in placed.behind:
            self.late[frame] = frame.last
        self._write(at, placed.rows, self._loose)
        if placed.fresh and at < self.head.floor:
            self.dropped += len(placed.fresh)
        elif placed.fresh:
            self._settle(at, placed.fresh, self._loose, FrameKind.LOOSE)

    def loose_again(self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]) -> None:
        """The same, of a list that is remembered."""
        rows = self._loose.place_again(at, labels, values)
        if rows is not None:
            self._write(at, rows, self._loose)
            return
        self.loose(at, zip(labels, values, strict=True))
        self._loose.learn(labels)

    def loose_in_steps(
        self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float], *, remember: bool
    ) -> Generator[None, None, None]:
        """The same in steps, of a list that is remembered or not. What others do meanwhile may spoil what was prepared; then
        the rest is done at once."""
        if not labels:
            return
        rows = self._loose.place_again(at, labels, values) if remember else None
        if rows is None and len(labels) > SLICE:
            frame = yield from self._prepared(at, labels)
            try:
                parts = yield from self._loose.parting(labels)
                rows = None if parts is None else self._loose.rows_of(parts, at, values)
                if remember and parts is not None and rows is not None:
                    self._loose.remember(labels, parts)
                if rows is not None:
                    self._write(at, rows, self._loose)
            finally:
                if frame is not None:
                    frame.held = False
        elif rows is not None:
            self._write(at, rows, self._loose)
        if rows is None and remember:
            self.loose_again(at, labels, values)
        elif rows is None:
            self.loose(at, zip(labels, values, strict=True))

    def _prepared(self, at: Timestamp, labels: Sequence[Labels]) -> Generator[None, None, StoredFrame | None]:
        """A frame for those that are new, where they are many; it is held."""
        head = self.head
        new: dict[Labels, None] = {}
        for start in range(0, len(labels), _LOOKED_UP):
            part = labels[start : start + _LOOKED_UP]
            new.update(dict.fromkeys([each for each in part if head.homes.index.find(each) is None]))
            yield
        if len(new) <= SLICE or at < head.floor:
            return None
        return (yield from self._held(list(new), FrameKind.LOOSE))

    def _held(self, labels: Sequence[Labels], kind: FrameKind) -> Generator[None, None, StoredFrame]:
        frame = self.head.new_frame(np.empty(0, dtype=np.int32), kind)
        frame.held = True
        try:
            yield from self.head.lay_out(frame, labels)
            yield from self._of(frame).settling(frame)
        except BaseException:
            frame.held = False
            raise
        return frame

    def stamped(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> None:
        """Samples whose time is that of others."""
        if not self.window:
            self.loose(at, samples)
            return
        head = self.head
        if self._long_over(at):
            self.too_old += len(list(samples))
            return
        placed = self._loose.place(at, samples)
        self.duplicates += placed.duplicates
        self.dropped += placed.repeated
        oldest = head.newest - self.window
        self._write(at, placed.rows, self._loose)
        if placed.fresh:
            self._settle(at, placed.fresh, self._loose, FrameKind.LOOSE)
        if at < oldest:
            self.too_old += len(placed.late)
        elif placed.late:
            self._take_late(at, placed.late)

    def stamped_in_steps(
        self, at: Timestamp, labels: Sequence[Labels], values: Sequence[float]
    ) -> Generator[None, None, None]:
        """The same in steps. What is not simply put into its place (late samples, series that move to another frame) comes at
        the end, some at a time. Late samples that are taken share their frames, so they go there in one row."""
        rest: Iterator[tuple[Labels, float]] = zip(labels, values, strict=True)
        part = len(labels)
        if len(labels) > SLICE and not self._long_over(at):
            frame = yield from self._prepared(at, labels)
            try:
                placed = yield from self._loose.placing(at, rest)
                rest = zip(labels, values, strict=True)
                if placed is not None and not self._long_over(at):  # others may have gone on meanwhile
                    self._write(at, placed.rows, self._loose)
                    self.duplicates += placed.duplicates
                    self.dropped += placed.repeated
                    part, late = _PLACED, placed.late
                    if self.window and len(late) > SLICE and (yield from self._late_in_steps(at, late)):
                        late = {}
                    rest = chain(placed.fresh.items(), late.items())
            finally:
                if frame is not None:
                    frame.held = False
        while odd := list(islice(rest, part)):
            self.stamped(at, odd)
            if part < len(labels):
                yield

    def _long_over(self, at: Timestamp) -> bool:
        """Where late samples are taken: is this too old even for a series that has nothing newer?"""
        return bool(self.window) and at < max(self.head.newest - max(self.window, HOUR), self.head.floor)

    def settled(self, frame: StoredFrame) -> None:
        """A replayed frame takes its series' samples from now on."""
        if frame.kind is not FrameKind.ROWS:
            self._of(frame).settle(frame)

    def ended(self, frame: StoredFrame) -> None:
        """This one is no more."""
        self.late.pop(frame, None)
        if frame.kind is not FrameKind.ROWS:
            self._of(frame).evict(frame)

    def _of(self, frame: StoredFrame) -> LooseFrames:
        return self._late if frame.kind is FrameKind.LATE else self._loose

    def _late_in_steps(self, at: Timestamp, samples: Mapping[Labels, float]) -> Generator[None, None, bool]:
        """Take late samples in steps; False, and nothing is taken, if others have taken some meanwhile."""
        taken, overtaken = self.taken_late, 0
        new: dict[Labels, float] = {}
        homeless: list[Labels] = []
        rest = iter(samples.items())
        while part := dict(islice(rest, _PLACED)):
            found = self._without_stored(at, part)
            new.update(found[0])
            overtaken += found[1]
            homeless += [labels for labels in found[0] if not self._late.has(labels)]
            yield
        frame = (yield from self._held(homeless, FrameKind.LATE)) if len(homeless) > SLICE else None
        try:
            placed = yield from self._late.placing(at, new.items())
            if placed is None or self.taken_late != taken:
                return False
            if at < self.head.newest - self.window:
                self.too_old += len(samples)
                return True
            self.overtaken += overtaken
            self._put_late(at, new, placed)
            return True
        finally:
            if frame is not None:
                frame.held = False

    def _take_late(self, at: Timestamp, samples: Mapping[Labels, float]) -> None:
        new, overtaken = self._without_stored(at, samples)
        self.overtaken += overtaken
        self._put_late(at, new, self._late.place(at, new.items()))

    def _without_stored(self, at: Timestamp, samples: Mapping[Labels, float]) -> tuple[dict[Labels, float], int]:
        """Those for a time for which their series has nothing yet; and for how many it has another value."""
        homes = self.head.homes
        known = {labels: sid for labels in samples if (sid := homes.index.find(labels)) is not None}
        stored = homes.samples_at(at, list(known.values()))
        new = {labels: value for labels, value in samples.items() if labels not in known}
        overtaken = 0
        for labels, absent, there in zip(known, missing(stored).tolist(), stored.tolist(), strict=True):
            value = samples[labels]
            if absent:
                new[labels] = value
            elif value != there and not (isnan(value) and isnan(there)):
                overtaken += 1
        return new, overtaken

    def _put_late(self, at: Timestamp, new: Mapping[Labels, float], placed: Placed) -> None:
        homes = self.head.homes
        self.taken_late += len(new)
        fresh = dict(placed.fresh)
        for frame, row in list(placed.rows.items()):
            present = ~missing(row)
            if len(row) > _SPARSE * np.count_nonzero(present):
                del placed.rows[frame]
                numbers: list[int] = frame.layout.sids[present].tolist()
                own = [homes.index.labels[sid] for sid in numbers]
                fresh.update({labels: new[labels] for labels in own if labels is not None})
        self._write(at, placed.rows, self._late)
        if fresh:
            self._settle(at, fresh, self._late, FrameKind.LATE)

    def _write(self, at: Timestamp, rows: Mapping[StoredFrame, NDArray[np.float64]], into: LooseFrames) -> None:
        for frame, row in rows.items():
            self.head.add(frame, at, row)
            newest = frame.chunks[-1]
            if isinstance(newest, Chunk) and newest.full:
                into.prune(frame)

    def _settle(self, at: Timestamp, fresh: Mapping[Labels, float], into: LooseFrames, kind: FrameKind) -> None:
        frame = self.head.new_frame(self.head.homes.intern(fresh), kind)
        into.settle(frame)
        self.head.add(frame, at, list(fresh.values()))


class FrameWriter:
    """A `RowWriter`."""

    __slots__ = ("_frame", "_head", "_intake", "_steps")

    def __init__(self, intake: Intake, frame: StoredFrame) -> None:
        self._intake = intake
        self._head = intake.head
        self._frame: StoredFrame | None = frame
        self._steps: Generator[None, None, None] | None = None

    def __repr__(self) -> str:
        return "FrameWriter(closed)" if self._frame is None else f"FrameWriter({len(self._frame.layout)} series)"

    def append(self, at: Timestamp, values: NDArray[np.float64] | Sequence[float]) -> None:
        frame = self._frame
        if frame is None:
            self._intake.dropped += len(values)
        elif at <= frame.last or not self._head.add(frame, at, self._intake.first_come(frame, at, values)):
            self._intake.row_refused(frame, at, values)

    def replace(self, labels: Sequence[Labels]) -> None:
        at_once(self.replacing(labels))

    def replacing(self, labels: Sequence[Labels]) -> Generator[None, None, None]:
        if self._frame is None:
            return
        self._steps = steps = self._head.lay_out(self._frame, labels)
        try:
            yield from steps
        finally:
            steps.close()

    def close(self, at: Timestamp | None) -> None:
        frame = self._frame
        if frame is None:
            return
        if self._steps is not None:
            self._steps.close()  # whoever takes the steps finds that there are no more
        if at is not None and len(frame.layout):
            self.append(at, np.repeat(STALE_VALUE, len(frame.layout)))
        frame.open = False
        self._frame = None
