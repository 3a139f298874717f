"""The sample store: one writer, any number of readers.

The loop writes rows through `FrameWriter`s and loose samples through `append`; nothing there waits for a disk. Readers,
in any thread, take a `View`. Housekeeping calls `forget` now and then, on the loop, and, when there is a log, `flush`
about once a second while `dirty`, on the loop or in a worker thread.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import STALE_VALUE, missing
from monitor.model.labels import Labels
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.tsdb.archive import Archive
from monitor.tsdb.chunks import PACKED_AT_ONCE, Chunk, Layout
from monitor.tsdb.figures import StoreHealth, StoreStats
from monitor.tsdb.frames import StoredFrame, distinct
from monitor.tsdb.homes import Homes
from monitor.tsdb.log import Fsync, SampleLog, Segment, forget_aside, read_segment, segment_paths
from monitor.tsdb.loose import LooseFrames
from monitor.tsdb.merging import Merging
from monitor.tsdb.newest import NEVER
from monitor.tsdb.recovery import AHEAD, RecoveryReport, Replay
from monitor.tsdb.sealing import Sealing
from monitor.tsdb.view import View

R = TypeVar("R")

_WARM: Millis = 6 * MINUTE
"""Full chunks are packed when their last sample is older: just over the window of most rules."""

_PACK_CELLS: Final = 100_000
"""Samples packed per call of `forget`: a few milliseconds."""

_CALL_CELLS: Final = 3_000
"""What packing costs even for the smallest chunk, in samples."""

_SLICE: Final = 250
"""Series that become known in one step: a millisecond or two."""

_UNNAMED: Final = 100
"""What a series costs that the log has to name, in values to be written."""


class FrameWriter:
    """A `RowWriter`."""

    __slots__ = ("_frame", "_steps", "_store")

    def __init__(self, store: SampleStore, frame: StoredFrame) -> None:
        self._store = store
        self._frame: StoredFrame | None = frame
        self._steps: Generator[None, None, None] | None = None

    def __repr__(self) -> str:
        return "FrameWriter(closed)" if self._frame is None else f"FrameWriter({len(self._frame.layout)} series)"

    def append(self, at: Timestamp, values: NDArray[np.float64] | Sequence[float]) -> None:
        frame = self._frame
        store = self._store
        if frame is None:
            store.dropped_samples += len(values)
            return
        if not frame.add(at, values, store.sequence + 1):
            store.refuse(frame, at, values)
            return
        store.sequence += 1
        store.unlogged[frame] = None

    def replace(self, labels: Sequence[Labels]) -> None:
        _at_once(self.replacing(labels))

    def replacing(self, labels: Sequence[Labels]) -> Generator[None, None, None]:
        if self._frame is None:
            return
        self._steps = steps = self._store.lay_out(self._frame, labels)
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


class SampleStore:
    """A `SampleSink` that hands out `View`s."""

    def __init__(self, retention: Millis, log: tuple[Path, Fsync] | None = None) -> None:
        self.retention = retention
        self.sequence = 0
        """Rows written so far."""
        self.dropped_samples = 0
        """Samples that came too late: not later than the last one of their series or frame."""
        self.duplicate_samples = 0
        """Samples for a time for which their series has another value."""
        self.late: dict[StoredFrame, Timestamp] = {}
        """Frames that refused a late row, and the time of their last one then; they are forgotten when they have gone on."""
        self.unlogged: dict[StoredFrame, None] = {}
        """Frames with rows that the log does not have yet."""
        self._homes = Homes()
        self._loose = LooseFrames(self._homes.index)
        self._frames_made = 0
        self.log = None if log is None else SampleLog(log[0], self._homes.index, retention, log[1])
        self.archive = None if log is None else Archive(log[0] / "blocks", retention)
        self.retention_bytes: int | None = None
        """Of log and blocks together; the oldest blocks go first. None: no limit."""
        self._last_flush: Timestamp | None = None
        self._error: str | None = None
        self._failed_flushes = 0

    @classmethod
    def recover(
        cls, folder: Path, retention: Millis, now: Timestamp, *, fsync: Fsync = Fsync.NEVER
    ) -> tuple[SampleStore, RecoveryReport]:
        """A store with a log in this folder, filled with what the log holds. Never fails: a folder that cannot be read
        is reported, one that cannot be written shows in `health`."""
        store = cls(retention, (folder, fsync))
        return store, store._replay(folder, now)

    @classmethod
    def in_memory(cls, retention: Millis) -> SampleStore:
        """A store without a log."""
        return cls(retention)

    def restarted(self, now: Timestamp) -> SampleStore:
        """A store without a log, with what `recover` would find in a log of all these samples: how a simulated daemon
        starts again."""
        store = SampleStore(self.retention)
        bound = now + AHEAD
        for frame in self._homes.frames.values():
            for chunk in frame.chunks:
                sids: list[int] = chunk.layout.sids.tolist()
                labels = [self._homes.index.labels[sid] for sid in sids]
                known = [each for each in labels if each is not None]
                if len(known) < len(labels):
                    continue  # retention has taken a series of this chunk: its rows are too old to matter
                home = store.replayed_frame(frame.number, known, loose=frame.loose)
                rows = chunk.read(0, chunk.count, slice(None))
                times: list[Timestamp] = chunk.times[: chunk.count].tolist()
                for at, row in zip(times, rows, strict=True):
                    if at <= bound:
                        home.add(at, row, 0)
        store.forget(now)
        return store

    def __repr__(self) -> str:
        return f"SampleStore({len(self._homes.index)} series in {len(self._homes.frames)} frames)"

    def open(self, labels: Sequence[Labels]) -> FrameWriter:
        return _at_once(self.opening(labels))

    def opening(self, labels: Sequence[Labels]) -> Generator[None, None, FrameWriter]:
        known: list[int] = []
        for start in range(0, len(labels), _SLICE):
            found = map(self._homes.index.find, labels[start : start + _SLICE])
            known += [sid for sid in found if sid is not None]
            yield
        frame = self._homes.closed_home(np.array(known, dtype=np.int32))
        if frame is None:
            frame = self._new_frame(np.empty(0, dtype=np.int32), loose=False)
        frame.open = True
        try:
            yield from self.lay_out(frame, labels)
        except BaseException:
            frame.open = False
            raise
        return FrameWriter(self, frame)

    def append(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> None:
        placed = self._loose.place(at, samples)
        self.dropped_samples += placed.dropped
        self.duplicate_samples += placed.duplicates
        for frame in placed.late:
            self.late[frame] = frame.last
        self._add_loose(at, placed.rows)
        if placed.fresh and at < self._floor:
            self.dropped_samples += len(placed.fresh)
        elif placed.fresh:
            frame = self._new_frame(self._homes.intern(placed.fresh), loose=True)
            self._loose.settle(frame)
            self._add(frame, at, list(placed.fresh.values()))

    @property
    def series(self) -> int:
        """How many there are."""
        return len(self._homes.index)

    def append_again(self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]) -> None:
        rows = self._loose.place_again(at, labels, values)
        if rows is not None:
            self._add_loose(at, rows)
            return
        self.append(at, zip(labels, values, strict=True))
        self._loose.learn(labels)

    def refuse(self, frame: StoredFrame, at: Timestamp, values: NDArray[np.float64] | Sequence[float]) -> None:
        """Count a row that is not later than its frame's last one. Of a row with the same time a sample that is there
        already is not counted, one with another value is a duplicate, as in Prometheus."""
        row = np.array(values, dtype=np.float64)
        there = ~missing(row)
        newest = frame.chunks[-1] if frame.chunks else None
        if newest is None or newest.last != at or newest.layout is not frame.layout:
            self.dropped_samples += int(np.count_nonzero(there))
            self.late[frame] = frame.last
            return
        stored = newest.read(newest.count - 1, newest.count, slice(None))[0]
        known = ~missing(stored)
        other = (row != stored) & ~(np.isnan(row) & np.isnan(stored))
        self.duplicate_samples += int(np.count_nonzero(there & known & other))
        self.dropped_samples += int(np.count_nonzero(there & ~known))

    def view(self) -> View:
        """The store as it is now."""
        return View(self._homes, self.sequence, self.archive.past if self.archive is not None else None)

    def lay_out(self, frame: StoredFrame, labels: Sequence[Labels]) -> Generator[None, None, None]:
        """Change the series of a frame (what `RowWriter.replacing` does). Raises ValueError if one comes twice."""
        laid = False
        frame.coming = []
        sids = np.empty(0, dtype=np.int32)
        try:
            for start in range(0, len(labels), _SLICE):
                part = self._homes.intern(labels[start : start + _SLICE])
                frame.coming.append(part)
                self._homes.move_in(frame, part)
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
                self._homes.move_out(frame, gone)

    def forget(self, now: Timestamp) -> None:
        """Drop what is older than the retention, and from memory what blocks have; forget series without samples; pack
        some of what has cooled. Not while a block is being sealed."""
        horizon = now - self.retention
        if self.archive is not None:
            horizon = self.archive.horizon(now)
            limit = self.retention_bytes
            self.archive.retain(now, None if limit is None else max(limit - self._log_bytes(), 0))
        for frame in list(self._homes.frames.values()):
            idle = not frame.open or frame.loose
            if frame.chunks and frame.chunks[0].last >= horizon:
                continue
            before = frame.known_sids()
            frame.drop_before(horizon)
            if not frame.chunks and idle:
                if frame.loose:
                    self._loose.evict(frame)
                self.unlogged.pop(frame, None)
                self.late.pop(frame, None)
                self._homes.move_out(frame, before)
                self._homes.remove(frame)
                continue
            gone = np.setdiff1d(before, frame.known_sids(), assume_unique=True)
            if len(gone):
                self._homes.move_out(frame, gone)
        self.pack(now)

    def pack(self, now: Timestamp, cells: int = _PACK_CELLS) -> bool:
        """Pack about so many samples of full chunks that have cooled; True if there is more to do. On the loop only."""
        left = cells
        for frame in list(self._homes.frames.values()):
            for chunk in frame.cooled(now - _WARM):
                packed = None
                while packed is None:
                    if left <= 0:
                        return True
                    packed = chunk.pack_some()
                    left -= _CALL_CELLS + chunk.count * min(len(chunk.layout), PACKED_AT_ONCE)
                frame.swap(chunk, packed)
        return False

    def begin_sealing(self, now: Timestamp, *, everything: bool = False) -> Sealing | None:
        """On the loop: the next block, if one is due (or, asked for everything, if there is anything). To be ended with
        `end_sealing`; until then nothing may be forgotten."""
        if self.archive is None:
            return None
        chains = [frame.chunks for frame in self._homes.frames.values()]
        index = self._homes.index
        sealing = self.archive.everything(chains, index) if everything else self.archive.due(chains, index, now)
        if sealing is not None:
            self._raise_floors()
        return sealing

    def end_sealing(self, sealing: Sealing, now: Timestamp, error: OSError | None = None) -> None:
        """On the loop: this block is written, or could not be, which `health` tells, and is tried again."""
        if self.archive is not None and error is None:
            self.archive.take(sealing, now)
        elif self.archive is not None:
            self.archive.error = f"samples cannot be written to blocks: {error}"

    def begin_merging(self) -> Merging | None:
        """On the loop: the next merging of blocks, if one is due. To be ended with `end_merging`."""
        return self.archive.mergeable() if self.archive is not None else None

    def end_merging(self, merging: Merging, now: Timestamp, error: OSError | None = None) -> None:
        """On the loop: as `end_sealing`."""
        if self.archive is not None and error is None:
            self.archive.take_merged(merging, now)
        elif self.archive is not None:
            self.archive.error = f"blocks of samples cannot be merged: {error}"

    @property
    def dirty(self) -> bool:
        """Is there anything to flush?"""
        return self.log is not None and bool(self.unlogged)

    @property
    def backlog(self) -> int:
        """About how many values the next flush writes; a series that it has to name counts as many."""
        if self.log is None:
            return 0
        anew = self.log.segment_due
        return sum(
            len(frame.layout) * (_UNNAMED if anew or frame.logged_layout is not frame.layout else 1)
            for frame in self.unlogged
        )

    def flush(self, now: Timestamp) -> None:
        """Write to the log what it does not have yet and delete what is too old. Does not raise for a failing disk: see
        `health`; what could not be written is tried again by the next call. May run in a worker thread, one at a time."""
        if self.log is None:
            return
        try:
            self.log.write(self.unlogged)
            horizon = now - self.retention
            if self.archive is not None:
                self.archive.shelf.sweep(now)
                horizon = max(horizon, self.archive.border)
            self.log.delete_before(horizon)
        except OSError as error:
            self._error = f"the sample log cannot be written: {error}"
            self._failed_flushes += 1
        else:
            self._last_flush = now
            self._error = None
            self._failed_flushes = 0

    def close(self, now: Timestamp) -> None:
        """Flush and close the log."""
        self.flush(now)
        if self.log is not None:
            self.log.close()

    def health(self) -> StoreHealth:
        self.late = {frame: last for frame, last in self.late.items() if frame.last == last}
        archive = self.archive
        return StoreHealth(
            last_flush=self._last_flush,
            error=self._error or (archive.error if archive is not None else None),
            failed_flushes=self._failed_flushes,
            unlogged_frames=len(self.unlogged) if self.log is not None else 0,
            dropped_samples=self.dropped_samples,
            duplicate_samples=self.duplicate_samples,
            late_until=max(self.late.values(), default=None),
            damaged=archive.shelf.damaged if archive is not None else 0,
            problems=tuple(archive.shelf.problems) if archive is not None else (),
        )

    def replayed_frame(self, number: int, labels: list[Labels], *, loose: bool) -> StoredFrame:
        """For the replay only: the frame with this number, its next rows being of these series."""
        self._frames_made = max(self._frames_made, number)
        frame = self._homes.frames.get(number)
        if frame is None:
            frame = StoredFrame(number, Layout(np.empty(0, dtype=np.int32)), self._homes.newest, loose=loose)
            frame.open = loose
            self._homes.move_in(frame, frame.layout.sids)
        _at_once(self.lay_out(frame, labels))
        if loose:
            self._loose.settle(frame)
        return frame

    def stats(self) -> StoreStats:
        """Counted anew: a millisecond per thousand frames."""
        frames = list(self._homes.frames.values())
        chunks = [chunk for frame in frames for chunk in frame.chunks]
        blocks = self.archive.shelf.blocks if self.archive is not None else ()
        on_disk = sum(block.size for block in blocks)
        return StoreStats(
            series=len(self._homes.index),
            frames=len(frames),
            samples=sum(chunk.count * len(chunk.layout) for chunk in chunks),
            memory_bytes=sum(chunk.size for chunk in chunks),
            blocks=len(blocks),
            block_samples=sum(block.table.samples for block in blocks),
            block_bytes=on_disk,
            disk_bytes=self._log_bytes() + on_disk,
        )

    def _replay(self, folder: Path, now: Timestamp) -> RecoveryReport:
        assert self.log is not None
        assert self.archive is not None
        problems = self.archive.open(now)
        replay = Replay(self, max(now - self.retention, self.archive.border), now, problems=problems)
        try:
            paths = segment_paths(folder)
        except OSError as error:
            paths = []
            replay.problems[:] = [f"{folder}: cannot be read: {error}"]
        replay.problems += forget_aside(folder, now - self.retention) if paths else ()
        for path in paths:
            segment = Segment(number=int(path.stem), path=path, size=0, oldest=None, newest=None)
            try:
                reader = read_segment(segment)
            except OSError as error:
                replay.problems.append(f"{path.name}: cannot be read: {error}")
            else:
                replay.take(segment, reader, newest=path is paths[-1])
            if segment.newest is None:
                # Nothing of it could be read. Whoever wants to look into it has until the retention is over.
                segment.newest = now
            self.log.segments.append(segment)
            while self.pack(now, 1 << 30):
                pass
        for frame in self._homes.frames.values():
            frame.logged_first = frame.end
        self._raise_floors()
        self.forget(now)
        stats = self.stats()
        return RecoveryReport(
            segments=replay.segments,
            rows=replay.rows,
            series=stats.series,
            samples=stats.samples,
            problems=tuple(replay.problems),
        )

    @property
    def _floor(self) -> Timestamp:
        return self.archive.floor if self.archive is not None else NEVER

    def _raise_floors(self) -> None:
        """Frames refuse by their last time; so that costs nothing when a row is written."""
        for frame in self._homes.frames.values():
            frame.last = max(frame.last, self._floor - 1)

    def _log_bytes(self) -> int:
        return sum(segment.size for segment in self.log.segments) if self.log is not None else 0

    def _add(self, frame: StoredFrame, at: Timestamp, values: NDArray[np.float64] | Sequence[float]) -> None:
        frame.add(at, values, self.sequence + 1)
        self.sequence += 1
        self.unlogged[frame] = None

    def _add_loose(self, at: Timestamp, rows: Mapping[StoredFrame, NDArray[np.float64]]) -> None:
        for frame, row in rows.items():
            self._add(frame, at, row)
            newest = frame.chunks[-1]
            if isinstance(newest, Chunk) and newest.full:
                self._loose.prune(frame)

    def _new_frame(self, sids: NDArray[np.int32], *, loose: bool) -> StoredFrame:
        self._frames_made += 1
        frame = StoredFrame(self._frames_made, Layout(sids), self._homes.newest, loose=loose)
        frame.last = max(frame.last, self._floor - 1)
        self._homes.move_in(frame, sids)
        return frame


def _at_once(steps: Generator[None, None, R]) -> R:
    """The result of all steps."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("R", end.value)
