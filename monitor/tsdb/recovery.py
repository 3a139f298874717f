"""Replay: from the log's segments back to frames.

Rows are handed to their frames some at a time, as many as a chunk holds.

Damage never stops the start. A torn end, as a killed process leaves it, is cut off; any other damage costs what follows
in its segment. Both are reported. Frames come back without a writer and are taken up again by whoever opens the same
series; frames of loose samples go on at once.

Rows that are later than the clock come from before it was set back. With them in its frames the store would refuse every
new sample until the clock has caught up with them. So they are refused instead, and taken out of the log, lest they
come back in front of newer ones. Such a segment is set aside as it was before, until it is as old as the retention.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import CorruptionError
from monitor.model.labels import Labels
from monitor.model.times import SECOND, Millis, Timestamp, spoken_duration
from monitor.tsdb.chunks import SLOTS
from monitor.tsdb.frames import FrameKind, StoredFrame
from monitor.tsdb.log import Segment, cut, set_aside
from monitor.tsdb.records import FrameRecord, RowRecord, SegmentReader, SeriesRecord, TornError, up_to

AHEAD: Millis = 10 * SECOND
"""A row may be so far ahead of the clock: small corrections of it hold up the store for as long at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReport:
    """What a start found in the log."""

    segments: int
    rows: int
    """Rows taken over."""
    series: int
    samples: int
    """As in `StoreStats`, after the replay."""
    problems: tuple[str, ...]
    """One sentence for each damaged segment: file, place, what was wrong, how many bytes were lost; and one for each with
    rows that are later than the clock."""


class ReplayedFrames(Protocol):
    """Where replayed rows go."""

    def replayed_frame(self, number: int, labels: list[Labels], kind: FrameKind) -> StoredFrame:
        """The frame with this number, its next rows being of these series."""
        ...


@dataclass(slots=True)
class _Running:
    """One frame while a segment is replayed."""

    frame: StoredFrame
    width: int
    before: NDArray[np.float64] | None = None
    times: list[Timestamp] = field(default_factory=list[Timestamp])
    """Of rows that have been read and are not in the frame yet."""
    rows: list[NDArray[np.float64]] = field(default_factory=list[NDArray[np.float64]])

    def hand_over(self) -> int:
        """Give the frame what it does not have yet; how many rows it took."""
        if not self.times:
            return 0
        taken = self.frame.replay(self.times, np.array(self.rows))
        self.times.clear()
        self.rows.clear()
        return taken


@dataclass(slots=True)
class Replay:
    """Collects what the segments hold."""

    into: ReplayedFrames
    horizon: Timestamp
    """Older rows are not taken over."""
    now: Timestamp
    """Rows later than this and a little are refused."""
    segments: int = 0
    rows: int = 0
    problems: list[str] = field(default_factory=list[str])
    _refused: int = 0
    _furthest: Timestamp = 0

    def take(self, segment: Segment, reader: SegmentReader, *, newest: bool) -> None:
        """Replay one segment as far as it can be read. The newest one's torn end is cut off in its file."""
        self.segments += 1
        self._refused, self._furthest = 0, self.now
        try:
            self._take(segment, reader)
        except TornError as error:
            self._report(segment, reader, error)
            if newest:
                try:
                    cut(segment, reader.offset)
                except OSError as refused:
                    self.problems.append(f"{segment.path.name}: its torn end could not be cut off: {refused}")
        except CorruptionError as error:
            self._report(segment, reader, error)
        if self._refused:
            self._set_aside(segment)

    def _set_aside(self, segment: Segment) -> None:
        ahead = spoken_duration(self._furthest - self.now)
        what = f"{segment.path.name}: {self._refused} rows are later than the clock, by up to {ahead}, and were refused"
        try:
            aside = set_aside(segment, up_to(segment.path.read_bytes(), self.now + AHEAD))
        except OSError as error:
            self.problems.append(f"{what}; they could not be taken out of the log: {error}")
        else:
            self.problems.append(f"{what}; {aside.name} keeps them until the retention is over")

    def _report(self, segment: Segment, reader: SegmentReader, error: CorruptionError) -> None:
        self.problems.append(f"{segment.path.name}: {error}; {segment.size - reader.offset} bytes are lost")

    def _take(self, segment: Segment, reader: SegmentReader) -> None:
        waiting: dict[int, _Running] = {}
        try:
            self._read(segment, reader, waiting)
        finally:  # what comes before the damage counts
            self._hand_over(waiting)

    def _hand_over(self, waiting: dict[int, _Running]) -> None:
        for running in waiting.values():
            self.rows += running.hand_over()
        waiting.clear()

    def _read(self, segment: Segment, reader: SegmentReader, waiting: dict[int, _Running]) -> None:
        """`waiting`: gets the frames, by number, that have not been given all their rows."""
        series: dict[int, Labels] = {}
        frames: dict[int, _Running] = {}
        horizon, bound = self.horizon, self.now + AHEAD
        for record in reader:
            if isinstance(record, RowRecord):
                running = frames.get(record.number)
                if running is None:
                    raise CorruptionError(f"a row at byte {reader.offset} is of an unknown frame")
                values = running.before = record.values(running.width, running.before)
                at = record.at
                if at > bound:
                    self._refused += 1
                    self._furthest = max(self._furthest, at)
                    continue
                if segment.newest is None or at > segment.newest:
                    segment.newest = at
                if segment.oldest is None or at < segment.oldest:
                    segment.oldest = at
                if at >= horizon:
                    running.times.append(at)
                    running.rows.append(values)
                    waiting[record.number] = running
                    if len(running.times) == SLOTS:
                        self.rows += running.hand_over()
            elif isinstance(record, FrameRecord):
                # Loose series that come to this frame leave another one: that one's rows are of its series until now.
                self._hand_over(waiting)
                frames[record.number] = self._frame(record, series, reader.offset)
            else:
                assert isinstance(record, SeriesRecord)
                series.update(record.series)

    def _frame(self, record: FrameRecord, series: dict[int, Labels], offset: int) -> _Running:
        numbers: list[int] = record.sids.tolist()
        labels = [series[number] for number in numbers if number in series]
        if len(labels) != len(numbers) or len(set(labels)) != len(labels):
            raise CorruptionError(f"the frame at byte {offset} has unknown or equal series")
        return _Running(self.into.replayed_frame(record.number, labels, record.kind), len(labels))
