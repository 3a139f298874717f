"""The records of the write-ahead log.

A segment is a magic text and then records: length (u32), CRC-32 of the payload (u32), payload. All numbers are
little-endian. A payload begins with its kind:

- series: which label sets the numbers stand for (JSON, deflated);
- frame: the series of a frame's rows from here on, as such numbers;
- row: frame, time, and either all values or a bitmap of those that differ, bit by bit, from the frame's row before and
  then these; where there are many they are narrowed (see `narrowing`).

Every segment defines what it uses, so each can be read, lost or deleted by itself.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import CorruptionError
from monitor.model.labels import Labels
from monitor.model.times import Timestamp
from monitor.tsdb.frames import FrameKind
from monitor.tsdb.narrowing import narrow_rows, widen

MAGIC: Final = b"wksampl1"
LONGEST: Final = 1 << 30
"""Bytes; a longer record is a broken length."""

_SERIES, _FRAME, _ROW = 1, 2, 3
_EDGE: Final = struct.Struct("<II")
_FRAME_HEAD: Final = struct.Struct("<BIBI")
_ROW_HEAD: Final = struct.Struct("<BIqB")
_ALL, _CHANGED, _NARROWED = 0, 1, 2
_MANY: Final = 24
"""From so many changed values on it pays to narrow them."""


@dataclass(frozen=True, slots=True)
class SeriesRecord:
    """Numbers and their label sets."""

    series: dict[int, Labels]


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """The series of a frame's next rows."""

    number: int
    kind: FrameKind
    sids: NDArray[np.int32]


class RowRecord(NamedTuple):
    """One row of a frame, still encoded: how many values there are only the frame knows."""

    number: int
    at: Timestamp
    payload: memoryview

    def values(self, width: int, before: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """The row, (width,) float64, given the frame's row before. Raises CorruptionError if it does not fit."""
        mode = self.payload[_ROW_HEAD.size - 1]
        body = self.payload[_ROW_HEAD.size :]
        if mode == _ALL:
            if len(body) != 8 * width:
                raise CorruptionError(f"a row of frame {self.number} has {len(body)} bytes for {width} values")
            return np.frombuffer(body, dtype="<f8").copy()
        bitmap = (width + 7) // 8
        if before is None or mode not in (_CHANGED, _NARROWED) or len(body) < bitmap:
            raise CorruptionError(f"a row of frame {self.number} cannot be read")
        changed = np.unpackbits(np.frombuffer(body, dtype=np.uint8, count=bitmap), count=width).view(np.bool_)
        if mode == _NARROWED:
            row = before.copy()
            row[changed] = widen(body[bitmap:], before[changed])
            return row
        if (len(body) - bitmap) % 8:
            raise CorruptionError(f"a row of frame {self.number} cannot be read")
        values = np.frombuffer(body, dtype="<f8", offset=bitmap)
        if len(values) != np.count_nonzero(changed):
            raise CorruptionError(f"a row of frame {self.number} has {len(values)} changed values instead of others")
        row = before.copy()
        row[changed] = values
        return row


Record = SeriesRecord | FrameRecord | RowRecord


def encode_series(series: Iterable[tuple[int, Labels]]) -> bytes:
    """A series record with its edges."""
    listed = [[sid, *(text for pair in labels.pairs for text in pair)] for sid, labels in series]
    return _edged(bytes([_SERIES]) + zlib.compress(json.dumps(listed, separators=(",", ":")).encode(), 1))


def encode_frame(number: int, kind: FrameKind, sids: NDArray[np.int32]) -> bytes:
    """A frame record with its edges."""
    steps = np.diff(sids, prepend=np.int32(0)).astype("<i4")
    return _edged(_FRAME_HEAD.pack(_FRAME, number, kind, len(sids)) + zlib.compress(steps.tobytes(), 1))


class NewRow(NamedTuple):
    """A row to be encoded."""

    number: int
    """Of the frame."""
    at: Timestamp
    bits: NDArray[np.uint64]
    """Of the values."""
    before: NDArray[np.uint64] | None
    """The frame's row before, as the reader will know it."""


def encode_rows(rows: Sequence[NewRow]) -> list[bytes]:
    """A row record with its edges for each of them."""
    changes = iter(_changes([(row.bits, row.before) for row in rows if row.before is not None]))
    records: list[bytes] = []
    for number, at, bits, before in rows:
        mode, body = (_ALL, bits.tobytes()) if before is None else next(changes)
        records.append(_edged(_ROW_HEAD.pack(_ROW, number, at, mode) + body))
    return records


def _changes(rows: Sequence[tuple[NDArray[np.uint64], NDArray[np.uint64]]]) -> list[tuple[int, bytes]]:
    """Of each row and the one before it: mode and body of its record."""
    if not rows:
        return []
    bits, before = rows[0]
    if len(rows) > 1:
        bits, before = np.concatenate([row for row, _ in rows]), np.concatenate([old for _, old in rows])
    changed = bits != before
    bounds = [0, *accumulate([len(row) for row, _ in rows])]
    cuts: list[int] = changed.nonzero()[0].searchsorted(bounds).tolist()
    values = bits[changed]
    many = any(end - begin >= _MANY for begin, end in pairwise(cuts))
    narrowed = narrow_rows(values, before[changed], cuts) if many else []
    packbits = np.packbits
    return [
        (_NARROWED, packbits(changed[low:high]).tobytes() + narrowed[number])
        if end - begin >= _MANY
        else (_CHANGED, packbits(changed[low:high]).tobytes() + values[begin:end].tobytes())
        for number, ((low, high), (begin, end)) in enumerate(zip(pairwise(bounds), pairwise(cuts), strict=True))
    ]


def _edged(payload: bytes) -> bytes:
    return _EDGE.pack(len(payload), zlib.crc32(payload)) + payload


class TornError(CorruptionError):
    """The segment ends within a record, as it does when the process was killed while writing."""


def up_to(data: bytes, bound: Timestamp) -> bytes:
    """A segment without its rows that are later than `bound`. From where it cannot be read on it stays as it is."""
    reader = SegmentReader(data)
    kept = [MAGIC]
    rows: dict[int, _Rows] = {}
    try:
        for record in reader:
            if isinstance(record, RowRecord):
                own = rows.get(record.number)
                if own is None:
                    raise CorruptionError("a row of an unknown frame")
                values = own.read = record.values(own.width, own.read)
                if record.at <= bound:
                    bits = values.view(np.uint64)
                    kept += encode_rows([NewRow(record.number, record.at, bits, own.kept)])
                    own.kept = bits
            elif isinstance(record, FrameRecord):
                rows[record.number] = _Rows(len(record.sids))
                kept.append(encode_frame(record.number, record.kind, record.sids))
            else:
                kept.append(encode_series(record.series.items()))
    except CorruptionError:
        kept.append(data[reader.offset :])
    return b"".join(kept)


@dataclass(slots=True)
class _Rows:
    """The last row of a frame that was read, and the last that was kept."""

    width: int
    read: NDArray[np.float64] | None = None
    kept: NDArray[np.uint64] | None = None


@dataclass(slots=True)
class KnownSeries:
    """What segments have named. Each names all its series anew, mostly the same ones in the same words."""

    labels: dict[tuple[str, ...], Labels] = field(default_factory=dict[tuple[str, ...], Labels])
    """By names and values in turn."""
    records: dict[bytes, SeriesRecord] = field(default_factory=dict[bytes, SeriesRecord])
    """By their payload."""


class SegmentReader:
    """The records of one segment, in order. `offset` is the end of what has been read well so far."""

    __slots__ = ("_data", "_known", "offset")

    def __init__(self, data: bytes, known: KnownSeries | None = None) -> None:
        """`known` is what other segments have named, and gets what this one names."""
        self._data = memoryview(data)
        self._known = KnownSeries() if known is None else known
        self.offset = 0

    def __iter__(self) -> Iterator[Record]:
        """Raises TornError where the file ends too early and CorruptionError where it is wrong."""
        data = self._data
        if not data:
            return
        if len(data) < len(MAGIC) and MAGIC.startswith(bytes(data)):
            raise TornError("the file ends within its first bytes")
        if bytes(data[: len(MAGIC)]) != MAGIC:
            raise CorruptionError("this is not a segment of a sample log, or of another version")
        self.offset = len(MAGIC)
        while self.offset < len(data):
            begin = self.offset + _EDGE.size
            if begin > len(data):
                raise TornError(f"the record at byte {self.offset} is cut off")
            length, checksum = _EDGE.unpack_from(data, self.offset)
            if length > LONGEST or length < 1:
                raise CorruptionError(f"the record at byte {self.offset} has an impossible length")
            if begin + length > len(data):
                raise TornError(f"the record at byte {self.offset} is cut off")
            payload = data[begin : begin + length]
            if zlib.crc32(payload) != checksum:
                raise CorruptionError(f"the record at byte {self.offset} has a wrong checksum")
            try:
                record = _decode(payload, self._known)
            except (struct.error, zlib.error, ValueError, TypeError, IndexError) as error:
                raise CorruptionError(f"the record at byte {self.offset} cannot be read: {error}") from error
            yield record
            self.offset = begin + length


def _decode(payload: memoryview, known: KnownSeries) -> Record:
    kind = payload[0]
    if kind == _ROW:
        _, number, at, _ = _ROW_HEAD.unpack_from(payload)
        return RowRecord(number, at, payload)
    if kind == _FRAME:
        _, number, kind, count = _FRAME_HEAD.unpack_from(payload)
        steps = np.frombuffer(zlib.decompress(payload[_FRAME_HEAD.size :]), dtype="<i4")
        if len(steps) != count:
            raise ValueError("a frame with another number of series than it says")
        return FrameRecord(number, FrameKind(kind), np.cumsum(steps, dtype=np.int32))
    if kind == _SERIES:
        text = bytes(payload)
        record = known.records.get(text)
        if record is None:
            listed: list[list[str]] = json.loads(zlib.decompress(payload[1:]))
            labels = known.labels
            record = SeriesRecord({int(entry[0]): _labels(tuple(entry[1:]), labels) for entry in listed})
            known.records[text] = record
        return record
    raise ValueError(f"unknown kind {kind}")


def _labels(texts: tuple[str, ...], known: dict[tuple[str, ...], Labels]) -> Labels:
    labels = known.get(texts)
    if labels is None:
        labels = known[texts] = Labels(zip(texts[::2], texts[1::2], strict=True))
    return labels
