"""The queue on disk: requests as they will be sent, in segments, and how far they have been.

A record is its length, its checksum, its time, how many samples it holds, and the body. What a kill leaves torn at the end of
a segment is cut off; a record that does not hold what was written costs the rest of its segment. The place of the next
record is written after each one that is done with, so a kill can have one request sent twice, which receivers bear.
Over its bound the queue loses its oldest segment. Calls come from worker threads, one at a time by the lock.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from monitor.model.times import Timestamp

_HEAD: Final = struct.Struct("<IIqI")
_TOLD: Final = struct.Struct("<qI")
_ENDING: Final = ".requests"
_PLACE: Final = "place"
_SEGMENT_BYTES: Final = 4 << 20
_LONGEST: Final = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One request."""

    at: Timestamp
    """When it was made."""
    samples: int
    body: bytes
    """Compressed, ready to be sent."""


@dataclass(slots=True)
class _Segment:
    path: Path
    size: int = 0
    records: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Offset and samples of those that are still to be sent."""


class DiskQueue:
    """`most_bytes` bounds all segments together."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Raises OSError when the folder cannot be used."""
        self._folder = folder
        self._most = most_bytes
        self._lock = threading.Lock()
        self.problems: list[str] = []
        """What was lost when the queue was opened, a sentence each."""
        folder.mkdir(parents=True, exist_ok=True)
        self._segments = self._found()
        self._number = max((int(one.path.stem) for one in self._segments), default=0)
        self._closed = True  # the newest segment is not appended to after a restart

    def __repr__(self) -> str:
        return f"DiskQueue({self.samples} samples in {len(self._segments)} segments)"

    @property
    def samples(self) -> int:
        """How many are waiting."""
        return sum(samples for segment in list(self._segments) for _, samples in list(segment.records))

    def append(self, batches: Sequence[Batch]) -> int:
        """Put these at the end; returns how many older samples were lost to the bound. Raises OSError, and then those that are
        not yet written are not in the queue."""
        with self._lock:
            for batch in batches:
                self._write(batch)
            return self._shrink()

    def first(self) -> Batch | None:
        """The oldest one; None if there is none. A record that cannot be read is passed over and told in `problems`."""
        with self._lock:
            while self._segments:
                segment = self._segments[0]
                if not segment.records:
                    if segment is self._segments[-1] and not self._closed:
                        return None
                    self._drop(segment)
                    continue
                offset, _ = segment.records[0]
                try:
                    with segment.path.open("rb") as file:
                        file.seek(offset)
                        batch = _read(file.read(_HEAD.size), file.read)
                except OSError as error:
                    batch = None
                    self.problems.append(f"{segment.path.name}: cannot be read: {error}")
                if batch is not None:
                    return batch
                lost = sum(count for _, count in segment.records)
                self.problems.append(f"{segment.path.name}: damaged at byte {offset}: {lost} samples are lost")
                segment.records.clear()
            return None

    def done(self) -> None:
        """The oldest one is over. Raises OSError when that cannot be written down."""
        with self._lock:
            segment = self._segments[0]
            segment.records.pop(0)
            following = segment.records[0][0] if segment.records else segment.size
            if not segment.records and (segment is not self._segments[-1] or self._closed):
                self._drop(segment)
            else:
                part = self._folder / f"{_PLACE}.new"
                part.write_text(f"{segment.path.stem} {following}", "ascii")
                part.replace(self._folder / _PLACE)

    def _write(self, batch: Batch) -> None:
        if self._closed or self._segments[-1].size >= _SEGMENT_BYTES:
            self._number += 1
            self._segments.append(_Segment(self._folder / f"{self._number:010d}{_ENDING}"))
            self._closed = False
        segment = self._segments[-1]
        head = _HEAD.pack(len(batch.body), _check(batch), batch.at, batch.samples)
        try:
            with segment.path.open("ab") as file:
                file.write(head + batch.body)
        except OSError:
            self._closed = True  # what is torn there is cut off at the next start
            raise
        segment.records.append((segment.size, batch.samples))
        segment.size += len(head) + len(batch.body)

    def _shrink(self) -> int:
        lost = 0
        while len(self._segments) > 1 and sum(one.size for one in self._segments) > self._most:
            oldest = self._segments[0]
            lost += sum(samples for _, samples in oldest.records)
            self._drop(oldest)
        return lost

    def _drop(self, segment: _Segment) -> None:
        self._segments.remove(segment)
        segment.path.unlink(missing_ok=True)

    def _found(self) -> list[_Segment]:
        name, place = self._place()
        segments: list[_Segment] = []
        for path in sorted(self._folder.glob(f"*{_ENDING}")):
            if not path.stem.isdecimal():
                continue
            if path.stem < name:
                path.unlink(missing_ok=True)
                continue
            segment = self._scanned(path, place if path.stem == name else 0)
            if segment.records:
                segments.append(segment)
            else:
                path.unlink(missing_ok=True)
        return segments

    def _scanned(self, path: Path, place: int) -> _Segment:
        segment = _Segment(path)
        whole = path.stat().st_size
        with path.open("rb") as file:
            while segment.size < whole:
                file.seek(segment.size)
                head = file.read(_HEAD.size)
                batch = _read(head, file.read)
                if batch is None:
                    self.problems.append(f"{path.name}: the last {whole - segment.size} bytes are torn or damaged")
                    break
                if segment.size >= place:
                    segment.records.append((segment.size, batch.samples))
                segment.size += _HEAD.size + len(batch.body)
        if segment.size < whole:
            os.truncate(path, segment.size)
        return segment

    def _place(self) -> tuple[str, int]:
        try:
            name, offset = (self._folder / _PLACE).read_text("ascii").split()
            return name, int(offset)
        except (OSError, ValueError):
            return "", 0


def _read(head: bytes, more: Callable[[int], bytes]) -> Batch | None:
    if len(head) < _HEAD.size:
        return None
    length, check, at, samples = _HEAD.unpack(head)
    if length > _LONGEST:
        return None
    batch = Batch(at=at, samples=samples, body=more(length))
    return batch if len(batch.body) == length and _check(batch) == check else None


def _check(batch: Batch) -> int:
    return zlib.crc32(batch.body, zlib.crc32(_TOLD.pack(batch.at, batch.samples)))
