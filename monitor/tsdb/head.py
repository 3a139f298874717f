"""The head: what of the samples is in memory, frame by frame.

One writer, the loop. Rows are numbered as they come, over all frames; a view is such a number. What takes long (laying out
thousands of series, letting go of them) goes in steps of a few milliseconds, and between two of them others may read and
write.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from monitor.model.labels import Labels
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.tsdb.chunks import PACKED_AT_ONCE, Layout
from monitor.tsdb.frames import FrameKind, StoredFrame, distinct
from monitor.tsdb.homes import Homes
from monitor.tsdb.late import LateFrame
from monitor.tsdb.newest import NEVER

R = TypeVar("R")

WARM: Final[Millis] = 6 * MINUTE
"""Full chunks are packed when their last sample is older: just over the window of most rules."""

_CALL_CELLS: Final = 3_000
"""What packing costs even for the smallest chunk, in samples."""

SLICE: Final = 250
"""Series that become known, or are forgotten, in one step: a millisecond or two."""

_LOOKED_AT: Final = 20_000
"""Series whose frames are looked at in one step, for what has gone."""
_FRAME_SERIES: Final = 500
"""What looking at a frame costs, in series."""


class Head:
    """Frames in memory. `homes` tells which series they hold."""

    def __init__(self) -> None:
        self.homes = Homes()
        self.sequence = 0
        """Rows written so far."""
        self.newest: Timestamp = NEVER
        """Time of the newest sample."""
        self.floor: Timestamp = NEVER
        """No sample before this is taken: blocks have what there is."""
        self.unlogged: dict[StoredFrame, None] = {}
        """Frames with rows that the log does not have yet."""
        self._frames_made = 0

    def __repr__(self) -> str:
        return f"Head({len(self.homes.index)} series in {len(self.homes.frames)} frames)"

    @property
    def frames(self) -> list[StoredFrame]:
        """All of them, as they are now."""
        return list(self.homes.frames.values())

    def add(self, frame: StoredFrame, at: Timestamp, values: NDArray[np.float64] | Sequence[float]) -> bool:
        """Add a row to a frame; False if it is not later than its last one, which changes nothing."""
        if not frame.add(at, values, self.sequence + 1):
            return False
        self.sequence += 1
        self.unlogged[frame] = None
        if at > self.newest:
            self.newest = at
        return True

    def new_frame(self, sids: NDArray[np.int32], kind: FrameKind) -> StoredFrame:
        """An empty frame of these series."""
        self._frames_made += 1
        return self._placed(self._frames_made, sids, kind)

    def replayed_frame(self, number: int, labels: list[Labels], kind: FrameKind) -> StoredFrame:
        """For a replay only: the frame with this number, its next rows being of these series."""
        self._frames_made = max(self._frames_made, number)
        frame = self.homes.frames.get(number)
        if frame is None:
            frame = self._placed(number, np.empty(0, dtype=np.int32), kind)
            frame.open = kind is not FrameKind.ROWS
        if not self._is_laid_out(frame, labels):
            at_once(self.lay_out(frame, labels))
        return frame

    def replayed(self) -> None:
        """All frames are there again."""
        every = self.frames
        self.newest = max((chunk.last for frame in every for chunk in frame.chunks), default=NEVER)
        for frame in every:
            frame.logged_first = frame.end

    def opening(self, labels: Sequence[Labels]) -> Generator[None, None, StoredFrame]:
        """The frame without a writer that holds most of these series, or a new one, laid out for them."""
        known: list[int] = []
        for start in range(0, len(labels), SLICE):
            found = map(self.homes.index.find, labels[start : start + SLICE])
            known += [sid for sid in found if sid is not None]
            yield
        frame = self.homes.closed_home(np.array(known, dtype=np.int32))
        if frame is None:
            frame = self.new_frame(np.empty(0, dtype=np.int32), FrameKind.ROWS)
        frame.open = True
        try:
            yield from self.lay_out(frame, labels)
        except BaseException:
            frame.open = False
            raise
        return frame

    def lay_out(self, frame: StoredFrame, labels: Sequence[Labels]) -> Generator[None, None, None]:
        """Change the series of a frame (what `RowWriter.replacing` does). Raises ValueError if one comes twice."""
        laid = False
        frame.coming = []
        sids = np.empty(0, dtype=np.int32)
        try:
            for start in range(0, len(labels), SLICE):
                part = self.homes.intern(labels[start : start + SLICE])
                frame.coming.append(part)
                self.homes.move_in(frame, part)
                yield
            sids = np.concatenate([sids, *frame.coming])
            if len(distinct(sids)) != len(sids):
                raise ValueError("a label set comes twice in one frame")
            laid = True
        finally:
            # Series that were announced and never written leave no trace, whatever came between.
            before = frame.known_sids()
            frame.coming = []
            if laid:
                frame.lay_out(sids)
            gone = np.setdiff1d(before, frame.known_sids(), assume_unique=True)
            if len(gone):
                self.homes.move_out(frame, gone)

    def raise_floor(self, floor: Timestamp) -> None:
        """From now on nothing before this is taken. Frames refuse by their last time; so that costs nothing when a row is
        written."""
        self.floor = floor
        for frame in self.frames:
            self._respect_floor(frame)

    def dropping(self, horizon: Timestamp, ended: Callable[[StoredFrame], object]) -> Generator[None, None, None]:
        """Drop what is older and the series that have nothing else, in steps; `ended` hears of each frame that is no more."""
        done = 0
        for frame in self.frames:
            if frame.held or (frame.chunks and frame.chunks[0].last >= horizon):
                continue
            before = frame.known_sids()
            frame.drop_before(horizon)
            if not frame.chunks and (not frame.open or frame.kind is not FrameKind.ROWS):
                ended(frame)
                self.unlogged.pop(frame, None)
                frame.held = True
                for start in range(0, len(before), SLICE):
                    self.homes.move_out(frame, before[start : start + SLICE])
                    yield
                self.homes.remove(frame)
                continue
            left = np.setdiff1d(before, frame.known_sids(), assume_unique=True)
            for start in range(0, len(left), SLICE):
                # What has come back meanwhile stays.
                own = np.setdiff1d(left[start : start + SLICE], frame.known_sids(), assume_unique=True)
                self.homes.move_out(frame, own)
                yield
            done += _FRAME_SERIES + len(before)
            if done > _LOOKED_AT:
                done = 0
                yield

    def pack(self, now: Timestamp, cells: int) -> bool:
        """Pack about so many samples of full chunks that have cooled; True if there is more to do."""
        left = cells
        for frame in self.frames:
            for chunk in frame.cooled(now - WARM):
                packed = None
                while packed is None:
                    if left <= 0:
                        return True
                    packed = chunk.pack_some()
                    left -= _CALL_CELLS + chunk.count * min(len(chunk.layout), PACKED_AT_ONCE)
                frame.swap(chunk, packed)
        return False

    def _is_laid_out(self, frame: StoredFrame, labels: list[Labels]) -> bool:
        """Are these its series already, in this order?"""
        known, sids = self.homes.index.labels, frame.layout.sids
        return len(sids) == len(labels) and [known[sid] for sid in sids.tolist()] == labels

    def _placed(self, number: int, sids: NDArray[np.int32], kind: FrameKind) -> StoredFrame:
        layout, newest = Layout(sids), self.homes.newest
        frame = (
            LateFrame(number, layout, newest) if kind is FrameKind.LATE else StoredFrame(number, layout, newest, kind)
        )
        self._respect_floor(frame)
        self.homes.move_in(frame, sids)
        return frame

    def _respect_floor(self, frame: StoredFrame) -> None:
        if frame.kind is not FrameKind.LATE:
            frame.last = max(frame.last, self.floor - 1)


def at_once(steps: Generator[None, None, R]) -> R:
    """The result of all steps."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("R", end.value)
