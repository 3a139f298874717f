"""The sample store: one writer, any number of readers.

The loop writes rows through `FrameWriter`s and loose samples through `append`; nothing there waits for a disk. Readers,
in any thread, take a `View`. Housekeeping calls `forget` now and then, on the loop, and, when there is a log, `flush`
about once a second while `dirty`, on the loop or in a worker thread.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Final

from monitor.model.labels import Labels
from monitor.model.times import Millis, Timestamp
from monitor.tsdb.archive import Archive
from monitor.tsdb.figures import StoreHealth, StoreStats
from monitor.tsdb.frames import FrameKind, StoredFrame
from monitor.tsdb.head import Head, at_once
from monitor.tsdb.intake import FrameWriter, Intake
from monitor.tsdb.log import Fsync, SampleLog, Segment, forget_aside, read_segment, segment_paths
from monitor.tsdb.merging import Merging
from monitor.tsdb.records import KnownSeries
from monitor.tsdb.recovery import AHEAD, RecoveryReport, Replay
from monitor.tsdb.sealing import SETTLED, Sealing
from monitor.tsdb.view import View

_PACK_CELLS: Final = 100_000
"""Samples packed per call of `forget`: a few milliseconds."""

_UNNAMED: Final = 100
"""What a series costs that the log has to name, in values to be written."""


class SampleStore:
    """A `SampleSink` that hands out `View`s."""

    def __init__(self, retention: Millis, log: tuple[Path, Fsync] | None = None) -> None:
        self.retention = retention
        self.head = Head()
        self.intake = Intake(self.head)
        self.log = None if log is None else SampleLog(log[0], self.head.homes.index, retention, log[1])
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
        store.take_late(self.intake.window)
        bound = now + AHEAD
        labels_of = self.head.homes.index.labels
        for frame in self.head.frames:
            for chunk in frame.chunks:
                sids: list[int] = chunk.layout.sids.tolist()
                known = [each for each in [labels_of[sid] for sid in sids] if each is not None]
                if len(known) < len(sids):
                    continue  # retention has taken a series of this chunk: its rows are too old to matter
                home = store.replayed_frame(frame.number, known, frame.kind)
                rows = chunk.read(0, chunk.count, slice(None))
                times: list[Timestamp] = chunk.times[: chunk.count].tolist()
                for at, row in zip(times, rows, strict=True):
                    if at <= bound:
                        home.add(at, row, 0)
        store.head.replayed()
        store.forget(now)
        return store

    def __repr__(self) -> str:
        return f"SampleStore({self.head!r})"

    def take_late(self, window: Millis) -> None:
        """From now on stamped samples may be so much older than the newest of all; 0: not older than the newest of their
        series. What is in blocks already takes none in either case."""
        self.intake.window = window
        if self.archive is not None:
            self.archive.settled = max(SETTLED, window)

    def open(self, labels: Sequence[Labels]) -> FrameWriter:
        return at_once(self.opening(labels))

    def opening(self, labels: Sequence[Labels]) -> Generator[None, None, FrameWriter]:
        frame = yield from self.head.opening(labels)
        return FrameWriter(self.intake, frame)

    def append(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> None:
        self.intake.loose(at, samples)

    def appending(
        self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]
    ) -> Generator[None, None, None]:
        return self.intake.loose_in_steps(at, labels, values, remember=False)

    def appending_again(
        self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]
    ) -> Generator[None, None, None]:
        return self.intake.loose_in_steps(at, labels, values, remember=True)

    def append_again(self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]) -> None:
        self.intake.loose_again(at, labels, values)

    def append_stamped(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> None:
        self.intake.stamped(at, samples)

    def appending_stamped(
        self, at: Timestamp, labels: Sequence[Labels], values: Sequence[float]
    ) -> Generator[None, None, None]:
        return self.intake.stamped_in_steps(at, labels, values)

    @property
    def series(self) -> int:
        """How many there are."""
        return len(self.head.homes.index)

    @property
    def unlogged(self) -> dict[StoredFrame, None]:
        """Frames with rows that the log does not have yet."""
        return self.head.unlogged

    def view(self) -> View:
        """The store as it is now."""
        return View(self.head.homes, self.head.sequence, self.archive.past if self.archive is not None else None)

    def forget(self, now: Timestamp) -> None:
        """Drop what is older than the retention, and from memory what blocks have; forget series without samples; pack
        some of what has cooled. Not while a block is being sealed."""
        at_once(self.forgetting(now))

    def forgetting(self, now: Timestamp) -> Generator[None, None, None]:
        """`forget` in steps of a few milliseconds, on the loop. No block may be sealed between them."""
        horizon = now - self.retention
        if self.archive is not None:
            horizon = self.archive.horizon(now)
            limit = self.retention_bytes
            self.archive.retain(now, None if limit is None else max(limit - self._log_bytes(), 0))
        yield from self.head.dropping(horizon, self.intake.ended)
        self.pack(now)

    def pack(self, now: Timestamp, cells: int = _PACK_CELLS) -> bool:
        """Pack about so many samples of full chunks that have cooled; True if there is more to do. On the loop only."""
        return self.head.pack(now, cells)

    def begin_sealing(self, now: Timestamp, *, everything: bool = False) -> Sealing | None:
        """On the loop: the next block, if one is due (or, asked for everything, if there is anything). To be ended with
        `end_sealing`; until then nothing may be forgotten."""
        if self.archive is None:
            return None
        chains = [frame.chunks for frame in self.head.frames]
        index = self.head.homes.index
        if everything:
            sealing = self.archive.everything(chains, index)
        else:
            # How late a sample is counts from the newest one: before that is as old, none is too late for a block.
            sealing = self.archive.due(chains, index, min(now, self.head.newest) if self.intake.window else now)
        if sealing is not None:
            self.head.raise_floor(self.archive.floor)
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

    @property
    def log_error(self) -> str | None:
        """Why the last flush failed; None if it did not."""
        return self._error

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
        intake, archive = self.intake, self.archive
        intake.late = {frame: last for frame, last in intake.late.items() if frame.last == last}
        return StoreHealth(
            last_flush=self._last_flush,
            error=self._error or (archive.error if archive is not None else None),
            failed_flushes=self._failed_flushes,
            unlogged_frames=len(self.unlogged) if self.log is not None else 0,
            dropped_samples=intake.dropped,
            too_old_samples=intake.too_old,
            duplicate_samples=intake.duplicates,
            overtaken_samples=intake.overtaken,
            late_samples=intake.taken_late,
            late_until=max(intake.late.values(), default=None),
            damaged=archive.shelf.damaged if archive is not None else 0,
            problems=tuple(archive.shelf.problems) if archive is not None else (),
        )

    def replayed_frame(self, number: int, labels: list[Labels], kind: FrameKind) -> StoredFrame:
        """For the replay only: the frame with this number, its next rows being of these series."""
        frame = self.head.replayed_frame(number, labels, kind)
        self.intake.settled(frame)
        return frame

    def stats(self) -> StoreStats:
        """Counted anew: a millisecond per thousand frames."""
        frames = self.head.frames
        chunks = [chunk for frame in frames for chunk in frame.chunks]
        blocks = self.archive.shelf.blocks if self.archive is not None else ()
        on_disk = sum(block.size for block in blocks)
        return StoreStats(
            series=self.series,
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
        known = KnownSeries()
        for path in paths:
            segment = Segment(number=int(path.stem), path=path, size=0, oldest=None, newest=None)
            try:
                reader = read_segment(segment, known)
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
        self.head.replayed()
        self.head.raise_floor(self.archive.floor)
        self.forget(now)
        stats = self.stats()
        return RecoveryReport(
            segments=replay.segments,
            rows=replay.rows,
            series=stats.series,
            samples=stats.samples,
            problems=tuple(replay.problems),
        )

    def _log_bytes(self) -> int:
        return sum(segment.size for segment in self.log.segments) if self.log is not None else 0
