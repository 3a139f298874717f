"""Blocks: samples of a stretch of time in one file that never changes.

A file is a head (what the block is), parts, and a directory (where the parts are); all with checksums. It is written
beside its place, told to the disk, and only then given its name, so that a file with the name of a block is whole. The
directory is there for speed: if it is damaged the parts are found by walking from one to the next, and if a part's head
is damaged the directory has a copy.

`number` orders blocks as they were made. `rank` says which of two blocks is right where both have a sample: the higher
one; a block that was merged from others keeps the highest of their ranks. `floor` says up to where the log may be
forgotten: all samples before it are in blocks.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import CorruptionError
from monitor.model.times import Timestamp
from monitor.tsdb.coding import count_values
from monitor.tsdb.parts import HEAD_SIZE, PartHead, Stripe, Stripes, read_times, read_values

ENDING: Final = ".block"
UNFINISHED: Final = ".unfinished"

_MAGIC: Final = b"wkblock1"
_EDGE: Final = struct.Struct("<II")
_TAIL: Final = struct.Struct("<QII8s")
_LONGEST: Final = 1 << 28
_BUFFERED: Final = 1 << 18
_LISTED: Final = np.dtype(
    {
        "names": ["series", "slots", "first", "last"],
        "formats": ["<u2", "<u2", "<i8", "<i8"],
        "offsets": [4, 6, 8, 16],
        "itemsize": HEAD_SIZE,
    }
)
"""What of a part's head is looked at for all parts at once."""
EARLIEST: Final = -(1 << 62)
LATEST: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHead:
    """What a block is."""

    number: int
    rank: int
    start: Timestamp
    end: Timestamp
    """All its samples are in start <= t < end."""
    floor: Timestamp | None
    """All samples of the log before this are in blocks; None where the block does not come from the log."""
    replaces: tuple[int, ...] = ()
    """The numbers of the blocks that it was merged from."""


@dataclass(frozen=True, slots=True)
class PlacedPart:
    """A part and the byte where it begins."""

    offset: int
    head: PartHead


class PartTable:
    """The parts of one block, as few bytes: sixty each."""

    __slots__ = ("_firsts", "_heads", "_lasts", "_offsets", "samples")

    def __init__(self, offsets: NDArray[np.uint64], heads: bytes) -> None:
        """The places of the parts, and their heads one after another."""
        self._offsets = offsets
        self._heads = heads
        known = np.frombuffer(heads, dtype=_LISTED)
        self._firsts, self._lasts = known["first"], known["last"]
        self.samples = int((known["series"].astype(np.int64) * known["slots"]).sum())
        """Slots times series."""

    def __len__(self) -> int:
        return len(self._offsets)

    @property
    def span(self) -> tuple[Timestamp, Timestamp] | None:
        """The first and the last time of its samples; None if there are none."""
        return (int(self._firsts.min()), int(self._lasts.max())) if len(self) else None

    def within(self, start: Timestamp, end: Timestamp) -> Iterator[PlacedPart]:
        """The parts with times in [start, end], in order of place. Raises CorruptionError."""
        places: list[int] = np.flatnonzero((self._firsts <= end) & (self._lasts >= start)).tolist()
        for place in places:
            yield PlacedPart(int(self._offsets[place]), PartHead.decoded(self._heads[place * HEAD_SIZE :][:HEAD_SIZE]))

    def all(self) -> Iterator[PlacedPart]:
        """All parts."""
        return self.within(EARLIEST, LATEST)


class BlockWriter:
    """Writes one block. What is not finished leaves no block behind. Raises OSError everywhere."""

    def __init__(self, folder: Path, head: BlockHead) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{head.number:010d}{ENDING}"
        self.samples = 0
        self._head = head
        self._unfinished = self.path.with_suffix(UNFINISHED)
        self._file = self._unfinished.open("wb", buffering=_BUFFERED)
        self._parts: list[tuple[int, bytes]] = []
        described = json.dumps(asdict(head)).encode()
        self._offset = 0
        self._write(_MAGIC + _EDGE.pack(len(described), zlib.crc32(described)) + described)

    def __enter__(self) -> BlockWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    def add(self, part: bytes) -> None:
        """Add an encoded part."""
        head = PartHead.decoded(part[:HEAD_SIZE])
        self._parts.append((self._offset, part[:HEAD_SIZE]))
        self.samples += head.series * head.slots
        self._write(part)

    def finish(self) -> Block:
        """Give the block its name."""
        offset = self._offset
        listed = np.array([place for place, _ in self._parts], dtype="<u8").tobytes()
        described = json.dumps(asdict(self._head)).encode()
        directory = zlib.compress(
            _EDGE.pack(len(described), len(self._parts))
            + described
            + listed
            + b"".join([head for _, head in self._parts])
        )
        self._write(directory + _TAIL.pack(offset, len(directory), zlib.crc32(directory), _MAGIC))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._unfinished.replace(self.path)
        _sync_folder(self.path.parent)
        offsets = np.array([place for place, _ in self._parts], dtype=np.uint64)
        heads = b"".join([head for _, head in self._parts])
        return Block(path=self.path, head=self._head, table=PartTable(offsets, heads), size=self._offset)

    def abandon(self) -> None:
        """Leave nothing behind, unless it is finished."""
        if not self._file.closed:
            try:
                self._file.close()
            finally:
                self._unfinished.unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._offset += len(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block on disk. Reading opens the file anew: it may have been deleted."""

    path: Path
    head: BlockHead
    table: PartTable
    size: int
    problem: str = ""
    """What was wrong with its directory."""


class BlockReader:
    """An open block. Raises OSError and CorruptionError."""

    __slots__ = ("_file", "block")

    def __init__(self, block: Block) -> None:
        self.block = block
        self._file = os.open(block.path, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> BlockReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def whole(self, part: PlacedPart) -> bytes:
        """All bytes of a part, its head written anew."""
        head = part.head
        rest = self._read(part.offset + HEAD_SIZE, head.size - HEAD_SIZE)
        names, values = rest[: head.names_size], rest[head.names_size + head.times_size :]
        read_times(head, rest[head.names_size :])
        if zlib.crc32(names) != head.names_check or zlib.crc32(values) != head.values_check:
            raise CorruptionError("a part is damaged")
        return head.encoded() + rest

    def names(self, part: PlacedPart) -> bytes:
        """The encoded label sets."""
        names = self._read(part.offset + HEAD_SIZE, part.head.names_size)
        if zlib.crc32(names) != part.head.names_check:
            raise CorruptionError("the label sets of a part are damaged")
        return names

    def stripe(self, part: PlacedPart, stripes: Stripes) -> Stripe:
        """The label sets."""
        return stripes.get(self.names(part), part.head.series)

    def times(self, part: PlacedPart) -> NDArray[np.int64]:
        """(slots,)."""
        return read_times(part.head, self._read(part.offset + HEAD_SIZE + part.head.names_size, part.head.times_size))

    def values(self, part: PlacedPart) -> NDArray[np.float64]:
        """(series, slots)."""
        head = part.head
        offset = part.offset + HEAD_SIZE + head.names_size + head.times_size
        return read_values(head, self._read(offset, head.values_size))

    def samples(self, part: PlacedPart) -> int:
        """How many samples it has, if all of it can be read: of its series and slots, those that are not missing."""
        head = part.head
        return count_values(self.whole(part)[head.size - head.values_size :], head.series, head.slots)

    def _read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._file, size, offset)
        if len(data) != size:
            raise CorruptionError("the file is shorter than it was")
        return data


def open_block(path: Path) -> Block:
    """Read where everything is. Raises OSError, and CorruptionError for a file of which nothing can be told."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            head, table = _directory(file.fileno(), size)
        except CorruptionError as error:
            head, begin = _first_head(file.fileno())
            return Block(path=path, head=head, table=_walked(file.fileno(), begin), size=size, problem=str(error))
        return Block(path=path, head=head, table=table, size=size)


def block_paths(folder: Path) -> list[Path]:
    """All blocks of a folder, oldest first; none if it does not exist. Raises OSError."""
    try:
        paths = list(folder.iterdir())
    except FileNotFoundError:
        return []
    return sorted(path for path in paths if path.suffix == ENDING and path.stem.isdecimal())


def _directory(file: int, size: int) -> tuple[BlockHead, PartTable]:
    tail = os.pread(file, _TAIL.size, max(size - _TAIL.size, 0))
    if len(tail) < _TAIL.size:
        raise CorruptionError("the directory is cut off")
    offset, length, check, magic = _TAIL.unpack(tail)
    if magic != _MAGIC or offset + length + _TAIL.size != size or length > _LONGEST:
        raise CorruptionError("the end of the file is damaged")
    packed = os.pread(file, length, offset)
    if zlib.crc32(packed) != check:
        raise CorruptionError("the directory is damaged")
    try:
        data = zlib.decompress(packed)
        described, count = _EDGE.unpack_from(data)
        begin = _EDGE.size + described
        head = _head_of(data[_EDGE.size : begin])
        places = np.frombuffer(data, dtype="<u8", count=count, offset=begin)
        heads = data[begin + 8 * count :]
        if len(heads) != count * HEAD_SIZE:
            raise CorruptionError("the directory has another number of parts than it says")
        return head, PartTable(places, heads)
    except (struct.error, zlib.error, ValueError) as error:
        raise CorruptionError(f"the directory cannot be read: {error}") from error


def _first_head(file: int) -> tuple[BlockHead, int]:
    """The head at the beginning, and where the parts begin."""
    data = os.pread(file, 1 << 20, 0)
    if not data.startswith(_MAGIC):
        raise CorruptionError("this is not a block of samples, or of another version")
    begin = len(_MAGIC) + _EDGE.size
    try:
        length, check = _EDGE.unpack_from(data, len(_MAGIC))
    except struct.error as error:
        raise CorruptionError("the head is cut off") from error
    described = data[begin : begin + length]
    if len(described) != length or zlib.crc32(described) != check:
        raise CorruptionError("directory and head are damaged")
    return _head_of(described), begin + length


def _head_of(described: bytes) -> BlockHead:
    try:
        known: dict[str, Any] = json.loads(described)
        floor = known["floor"]
        return BlockHead(
            number=int(known["number"]),
            rank=int(known["rank"]),
            start=int(known["start"]),
            end=int(known["end"]),
            floor=None if floor is None else int(floor),
            replaces=tuple([int(number) for number in known["replaces"]]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptionError(f"the head cannot be read: {error}") from error


def _walked(file: int, offset: int) -> PartTable:
    """Parts one after another, up to the first that cannot be told."""
    places: list[int] = []
    heads: list[bytes] = []
    while True:
        data = os.pread(file, HEAD_SIZE, offset)
        try:
            head = PartHead.decoded(data)
        except CorruptionError:
            return PartTable(np.array(places, dtype=np.uint64), b"".join(heads))
        places.append(offset)
        heads.append(data)
        offset += head.size


def _sync_folder(folder: Path) -> None:
    """Names survive a power cut only once their folder is told to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
