"""The write-ahead log: segments in a folder, written about once a second.

Nothing is encoded when a sample is stored: a flush reads what the frames have gained since the last one, which is cheaper
and means that a failing disk needs no queue of its own. A flush that fails leaves the marks where they were; the segment
is given up and the next flush begins another one. Segments hold their own definitions, so old ones are deleted whole
when their newest row is in a block, or past the retention.

A process that is killed loses what came after its last flush. With `Fsync.EACH_FLUSH` the same holds for a machine that
loses power.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import numpy as np

from monitor.model.labels import Labels
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.tsdb.chunks import AnyChunk, Layout
from monitor.tsdb.frames import StoredFrame
from monitor.tsdb.index import SeriesIndex
from monitor.tsdb.records import MAGIC, KnownSeries, NewRow, SegmentReader, encode_frame, encode_rows, encode_series

SEGMENT_BYTES: Final = 32 << 20
_BATCH_BYTES: Final = 1 << 20
_ENCODED_AT_ONCE: Final = 1 << 13
"""Values of rows that are encoded in one go: for many narrow rows numpy would else cost more than what it does."""
_SHORTEST_SEGMENT: Millis = 5 * MINUTE
_LONGEST_SEGMENT: Millis = 30 * MINUTE
"""Blocks take over from the log by whole segments."""
_SERIES_AT_ONCE: Final = 1_000
"""Named by one record: encoding it holds every other thread up for a millisecond."""
_ENDING: Final = ".samples"
_ASIDE: Final = ".ahead"
"""Segments as they were before rows later than the clock were taken out."""
_UNFINISHED: Final = ".unfinished"


class Fsync(Enum):
    """When the disk is told to keep what was written."""

    NEVER = "the kernel decides: samples survive a killed process, not a power cut"
    EACH_FLUSH = "after each flush: samples survive a power cut too"


@dataclass(slots=True)
class Segment:
    """One file of the log."""

    number: int
    path: Path
    size: int
    oldest: Timestamp | None
    newest: Timestamp | None
    """Times of its rows; None as long as it has none."""


class SampleLog:
    """Writes what frames have gained, and deletes old segments. One call at a time, from any thread."""

    __slots__ = ("_defined", "_file", "_folder", "_fsync", "_index", "_span", "segment_bytes", "segments")

    def __init__(self, folder: Path, index: SeriesIndex, retention: Millis, fsync: Fsync) -> None:
        self._folder = folder
        self._index = index
        self._fsync = fsync
        self._span = max(min(retention // 8, _LONGEST_SEGMENT), _SHORTEST_SEGMENT)
        self._file: int | None = None
        self._defined = array("Q")
        """By sid, which series this segment defines: its birth plus one; 0 for none."""
        self.segment_bytes = SEGMENT_BYTES
        """A segment that has grown to this is followed by another one."""
        self.segments: list[Segment] = []
        """Oldest first; the last one is being written if a file is open."""

    @property
    def segment_due(self) -> bool:
        """Does the next flush begin a segment?"""
        if self._file is None:
            return True
        segment = self.segments[-1]
        if segment.size >= self.segment_bytes:
            return True
        return (
            segment.oldest is not None and segment.newest is not None and segment.newest - segment.oldest > self._span
        )

    def write(self, frames: dict[StoredFrame, None]) -> None:
        """Write all new rows of these frames and take them from the dict. Raises OSError; what could not be written
        stays in the dict."""
        batch: list[bytes | NewRow] = []
        size = 0
        marks: list[tuple[StoredFrame, int, Layout]] = []
        for frame in list(frames):
            if not batch:
                self._begin_segment_if_due()
            segment = self.segments[-1]
            # Taken out before its rows are read: rows that come meanwhile put it back.
            frames.pop(frame, None)
            marks.append((frame, frame.logged_first, frame.layout))
            for piece in self._records(frame, segment):
                batch.append(piece)
                size += piece.bits.nbytes if isinstance(piece, NewRow) else len(piece)
            if size >= _BATCH_BYTES:
                self._append(batch, marks, frames)
                batch, size, marks = [], 0, []
        if batch:
            self._append(batch, marks, frames)
        if self._fsync is Fsync.EACH_FLUSH and self._file is not None:
            os.fsync(self._file)

    def delete_before(self, horizon: Timestamp) -> None:
        """Delete segments whose rows are all older. Raises OSError."""
        writing = self.segments[-1] if self._file is not None else None
        for segment in list(self.segments):
            if segment is not writing and (segment.newest is None or segment.newest < horizon):
                segment.path.unlink(missing_ok=True)
                self.segments.remove(segment)

    def close(self) -> None:
        """Close the file that is being written."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _begin_segment_if_due(self) -> None:
        if not self.segment_due:
            return
        self.close()
        number = self.segments[-1].number + 1 if self.segments else 1
        path = self._folder / f"{number:010d}{_ENDING}"
        self._folder.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        self._file = file
        self._defined = array("Q")
        self.segments.append(Segment(number, path, 0, None, None))
        self._write_all(MAGIC)

    def _append(
        self,
        batch: list[bytes | NewRow],
        marks: list[tuple[StoredFrame, int, Layout]],
        frames: dict[StoredFrame, None],
    ) -> None:
        try:
            self._write_all(b"".join(_encoded(batch)))
        except OSError:
            for frame, first, _ in marks:
                frame.logged_first = first
                frame.logged_segment = -1
                frames[frame] = None
            raise

    def _write_all(self, data: bytes) -> None:
        """Append to the open segment, whole or not at all. Raises OSError, after which the segment is ended."""
        segment = self.segments[-1]
        file = self._file
        if file is None:
            raise OSError("no segment of the sample log is open")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError:
            self._give_up(file, segment)
            raise
        segment.size += len(data)

    def _give_up(self, file: int, segment: Segment) -> None:
        self._file = None
        self._defined = array("Q")
        try:
            os.ftruncate(file, segment.size)
            if segment.size <= len(MAGIC):
                segment.path.unlink(missing_ok=True)
                self.segments.remove(segment)
        finally:
            os.close(file)

    def _records(self, frame: StoredFrame, segment: Segment) -> Iterator[bytes | NewRow]:
        """The records for all rows of a frame that the log does not have, rows still to be encoded; moves the frame's
        marks."""
        for chunk in frame.chunks:
            count = chunk.count
            low = max(frame.logged_first - chunk.first, 0)
            if low >= count:
                continue
            anew = frame.logged_segment != segment.number or frame.logged_layout is not chunk.layout
            if anew:
                series = self._undefined(chunk.layout)
                if series is None:
                    # Retention has just forgotten the series of this chunk: its rows are too old to matter.
                    frame.logged_first = chunk.first + count
                    continue
                for start in range(0, len(series), _SERIES_AT_ONCE):
                    yield encode_series(series[start : start + _SERIES_AT_ONCE])
                yield encode_frame(frame.number, frame.kind, chunk.layout.sids)
                frame.logged_segment = segment.number
                frame.logged_layout = chunk.layout
            yield from _new_rows(frame.number, chunk, low, count, anew)
            first, last = chunk.span(low, count)
            if segment.oldest is None or first < segment.oldest:
                segment.oldest = first
            if segment.newest is None or last > segment.newest:
                segment.newest = last
            frame.logged_first = chunk.first + count

    def _undefined(self, layout: Layout) -> list[tuple[int, Labels]] | None:
        """The series of a layout that this segment does not define yet; None if one is forgotten already."""
        births, defined = self._index.births, self._defined
        if len(defined) < len(births):
            defined.frombytes(bytes(defined.itemsize * (len(births) - len(defined))))
        series: list[tuple[int, Labels]] = []
        numbers: list[int] = layout.sids.tolist()
        for sid in numbers:
            if defined[sid] != births[sid] + 1:
                labels = self._index.labels[sid]
                if labels is None:
                    return None
                series.append((sid, labels))
        for sid, _ in series:
            defined[sid] = births[sid] + 1
        return series


def _new_rows(number: int, chunk: AnyChunk, low: int, high: int, anew: bool) -> Iterator[NewRow]:
    before = 0 if anew or low == 0 else 1
    bits = np.ascontiguousarray(chunk.read(low - before, high, slice(None))).view(np.uint64)
    rows = list(bits)
    for row, at in enumerate(chunk.times[low:high].tolist(), start=before):
        yield NewRow(number, at, rows[row], rows[row - 1] if row else None)


def _encoded(records: Sequence[bytes | NewRow]) -> list[bytes]:
    """The same records, rows encoded, many in one go."""
    done: list[bytes] = []
    waiting: list[NewRow] = []
    values = 0
    for record in records:
        if isinstance(record, NewRow):
            waiting.append(record)
            values += len(record.bits)
        if waiting and (values >= _ENCODED_AT_ONCE or not isinstance(record, NewRow)):
            done += encode_rows(waiting)
            waiting, values = [], 0
        if not isinstance(record, NewRow):
            done.append(record)
    return done + encode_rows(waiting)


def segment_paths(folder: Path) -> list[Path]:
    """All segments of a folder, oldest first; none if it does not exist. Raises OSError for one that cannot be listed."""
    try:
        paths = list(folder.iterdir())
    except FileNotFoundError:
        return []
    return sorted(path for path in paths if path.suffix == _ENDING and path.stem.isdecimal())


def read_segment(segment: Segment, known: KnownSeries | None = None) -> SegmentReader:
    """The contents of a segment (`known`: see `SegmentReader`); sets its size. Raises OSError."""
    data = segment.path.read_bytes()
    segment.size = len(data)
    return SegmentReader(data, known)


def cut(segment: Segment, size: int) -> None:
    """Cut a torn tail off. Raises OSError."""
    os.truncate(segment.path, size)
    segment.size = size


def set_aside(segment: Segment, data: bytes) -> Path:
    """Give a segment these contents; where its former ones are kept. Raises OSError, and then it has the former ones."""
    path = segment.path
    unfinished, aside = path.with_suffix(_UNFINISHED), path.with_suffix(_ASIDE)
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.unlink(missing_ok=True)
    os.link(path, aside)
    unfinished.replace(path)
    segment.size = len(data)
    return aside


def forget_aside(folder: Path, horizon: Timestamp) -> list[str]:
    """Delete what was set aside and last written before `horizon`, and what a killed process left unfinished; a sentence
    for each that could not be deleted."""
    problems: list[str] = []
    for path in [*folder.glob(f"*{_ASIDE}"), *folder.glob(f"*{_UNFINISHED}")]:
        try:
            if path.stem.isdecimal() and (path.suffix == _UNFINISHED or path.stat().st_mtime * 1000 < horizon):
                path.unlink()
        except OSError as error:
            problems.append(f"{path.name}: cannot be deleted: {error}")
    return problems
