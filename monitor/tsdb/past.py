"""Reading blocks: the same frames as memory gives, of what memory has let go.

A query finds in each block the parts that touch its range, in each part's stripe the rows that match, and reads the values
of those parts when the evaluator asks for them. A series' samples then lie in many pieces, the last one in memory. They
become one frame: series whose pieces have the same times throughout, as those of one target do, share it.

A part that cannot be read costs its samples and is noted; the query goes on without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.columns.distinct import distinct
from monitor.columns.frame import Frame, Resets
from monitor.columns.nans import MISSING_VALUE, missing, stale
from monitor.matching.matchers import Matcher
from monitor.model.errors import CorruptionError
from monitor.model.labels import Labels
from monitor.model.times import Timestamp
from monitor.tsdb.blocks import Block, BlockReader, PlacedPart
from monitor.tsdb.index import SeriesIndex
from monitor.tsdb.parts import Stripe, Verdict
from monitor.tsdb.shelf import Shelf


class Piece(Protocol):
    """Some series over some time."""

    @property
    def times(self) -> NDArray[np.int64]:
        """(T,) ascending."""
        ...

    def load(self) -> NDArray[np.float64]:
        """(S, T)."""
        ...


@dataclass(slots=True)
class Bundle:
    """The pieces of the same series, in the order in which later ones are right."""

    labels: Sequence[Labels]
    pieces: list[Piece] = field(default_factory=list[Piece])


@dataclass(frozen=True, slots=True)
class PartPiece:
    """Some rows and slots of a part on disk."""

    shelf: Shelf
    block: Block
    part: PlacedPart
    rows: NDArray[np.int64]
    low: int
    times: NDArray[np.int64]

    @property
    def is_whole(self) -> bool:
        """All slots of the part."""
        return len(self.times) == self.part.head.slots

    def load(self) -> NDArray[np.float64]:
        try:
            with BlockReader(self.block) as reader:
                return reader.values(self.part)[self.rows, self.low : self.low + len(self.times)]
        except (OSError, CorruptionError) as error:
            note(self.shelf, self.block, self.part, error)
            return _nothing(len(self.rows), len(self.times))


@dataclass(frozen=True, slots=True)
class MemoryPiece:
    """A frame in memory."""

    frame: Frame

    @property
    def times(self) -> NDArray[np.int64]:
        return self.frame.times

    def load(self) -> NDArray[np.float64]:
        return self.frame.values(0, len(self.frame.times))


@dataclass(frozen=True, slots=True)
class Past:
    """The blocks as they were listed at one moment."""

    shelf: Shelf
    blocks: tuple[Block, ...]
    border: Timestamp
    """Samples of the log before this are read from blocks, the others from memory."""

    def reaches(self, start: Timestamp, end: Timestamp) -> bool:
        """May a block have samples in [start, end]?"""
        return any(block.head.start <= end and start < self._end(block) for block in self.blocks)

    def find(self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp, index: SeriesIndex) -> list[Bundle]:
        """The series in blocks that satisfy every matcher, with what they have in [start, end]."""
        bundles: dict[tuple[int, bytes], Bundle] = {}
        chosen: dict[Stripe, NDArray[np.int64]] = {}
        verdict = Verdict()
        for block in self.blocks:
            last = min(end, self._end(block) - 1)
            if block.head.start > last or self._end(block) <= start:
                continue
            try:
                with BlockReader(block) as reader:
                    for part in block.table.within(start, last):
                        try:
                            stripe = reader.stripe(part, self.shelf.stripes)
                            rows = chosen.get(stripe)
                            if rows is None:
                                rows = chosen[stripe] = stripe.rows(matchers, verdict)
                            piece = self._piece(reader, part, rows, start, last) if len(rows) else None
                        except CorruptionError as error:
                            note(self.shelf, block, part, error)
                            continue
                        if piece is not None:
                            key = (id(stripe), rows.tobytes())
                            if key not in bundles:
                                bundles[key] = Bundle(_labels(stripe, rows, index))
                            bundles[key].pieces.append(piece)
            except (OSError, CorruptionError) as error:
                self.shelf.note(block.path, str(error), cost="queries leave it out")
        return list(bundles.values())

    def written(
        self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp, index: SeriesIndex
    ) -> Iterator[Labels]:
        """The label sets of those that have a sample in [start, end]."""
        for bundle in self.find(matchers, start, end, index):
            # Every series of a part has a sample in it; values are read only of parts that the range cuts.
            if any(isinstance(piece, PartPiece) and piece.is_whole for piece in bundle.pieces):
                yield from bundle.labels
            else:
                there = np.zeros(len(bundle.labels), dtype=np.bool_)
                for piece in bundle.pieces:
                    there |= ~missing(piece.load()).all(axis=1)
                yield from (labels for labels, here in zip(bundle.labels, there, strict=True) if here)

    def _piece(
        self, reader: BlockReader, part: PlacedPart, rows: NDArray[np.int64], start: Timestamp, last: Timestamp
    ) -> PartPiece | None:
        times = reader.times(part)
        low, high = int(times.searchsorted(start)), int(times.searchsorted(last, side="right"))
        return PartPiece(self.shelf, reader.block, part, rows, low, times[low:high]) if low < high else None

    def _end(self, block: Block) -> Timestamp:
        return block.head.end if block.head.floor is None else min(block.head.end, self.border)


def note(shelf: Shelf, block: Block, part: PlacedPart, error: Exception) -> None:
    """A part could not be read."""
    shelf.note(block.path, f"the part at byte {part.offset}: {error}", cost="its samples are lost")


def together(bundles: Sequence[Bundle], frames: Sequence[Frame]) -> list[Frame]:
    """One frame for series whose pieces have the same times; what is in memory alone stays as it is."""
    every = [*bundles, *(Bundle(frame.labels, [MemoryPiece(frame)]) for frame in frames)]
    places: dict[Labels, list[tuple[int, int]]] = {}
    for number, bundle in enumerate(every):
        for row, labels in enumerate(bundle.labels):
            places.setdefault(labels, []).append((number, row))
    clocks: dict[bytes, int] = {}
    signs = [tuple([clocks.setdefault(one.times.tobytes(), len(clocks)) for one in each.pieces]) for each in every]
    groups: dict[tuple[tuple[int, ...], ...], list[Labels]] = {}
    for labels, where in places.items():
        groups.setdefault(tuple([signs[number] for number, _ in where]), []).append(labels)
    return [_one(every, labels, places) for labels in groups.values()]


def _one(every: Sequence[Bundle], labels: Sequence[Labels], places: dict[Labels, list[tuple[int, int]]]) -> JoinedFrame:
    rows: dict[int, tuple[list[int], list[int]]] = {}
    for out, each in enumerate(labels):
        for number, row in places[each]:
            theirs, ours = rows.setdefault(number, ([], []))
            theirs.append(row)
            ours.append(out)
    parts = [
        JoinedPart(piece, np.array(theirs, dtype=np.int64), np.array(ours, dtype=np.int64))
        for number, (theirs, ours) in sorted(rows.items())
        for piece in every[number].pieces
    ]
    return JoinedFrame(tuple(labels), parts)


@dataclass(frozen=True, slots=True)
class JoinedPart:
    """A piece, which of its rows are wanted, and which rows of the frame they are."""

    piece: Piece
    theirs: NDArray[np.int64]
    ours: NDArray[np.int64]


class JoinedFrame:
    """A `Frame` of pieces; reads them when values are asked for, once."""

    __slots__ = ("_gaps", "_matrix", "_parts", "labels", "times")

    def __init__(self, labels: Sequence[Labels], parts: Sequence[JoinedPart]) -> None:
        self.labels = labels
        self._parts = parts
        self.times: NDArray[np.int64] = distinct(np.concatenate([part.piece.times for part in parts]))
        self._matrix: NDArray[np.float64] | None = None
        self._gaps: NDArray[np.int64] | None = None

    def values(self, low: int, high: int) -> NDArray[np.float64]:
        return self._whole()[:, low:high]

    def dense(self, low: int, high: int) -> bool:
        gaps = self._gaps
        if gaps is None:
            matrix = self._whole()
            gaps = self._gaps = np.cumsum(np.append(0, (missing(matrix) | stale(matrix)).any(axis=0)))
        return bool(gaps[low] == gaps[high])

    def at(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._whole()[:, slots]

    def resets(self, low: int, high: int) -> Resets | None:
        return None

    def rows(self, low: int, high: int) -> JoinedFrame:
        """A frame of the series low <= row < high alone, with the same times."""
        narrowed: list[JoinedPart] = []
        for part in self._parts:
            own = (part.ours >= low) & (part.ours < high)
            narrowed.append(JoinedPart(part.piece, part.theirs[own], part.ours[own] - low))
        return JoinedFrame(self.labels[low:high], narrowed)

    def _whole(self) -> NDArray[np.float64]:
        matrix = self._matrix
        if matrix is None:
            matrix = _nothing(len(self.labels), len(self.times))
            for part in self._parts:
                if not len(part.ours):
                    continue
                values = part.piece.load()[part.theirs]
                where = np.ix_(part.ours, self.times.searchsorted(part.piece.times))
                matrix[where] = np.where(missing(values), matrix[where], values)
            self._matrix = matrix
        return matrix


def _labels(stripe: Stripe, rows: NDArray[np.int64], index: SeriesIndex) -> list[Labels]:
    """The label sets of these rows: the very objects that memory has, where it has them."""

    def known(labels: Labels) -> Labels:
        sid = index.find(labels)
        return labels if sid is None else (index.labels[sid] or labels)

    numbers: list[int] = rows.tolist()
    return [stripe.labels(row, known) for row in numbers]


def _nothing(series: int, slots: int) -> NDArray[np.float64]:
    matrix = np.empty((series, slots), dtype=np.float64)
    matrix[:] = MISSING_VALUE
    return matrix


def written(frames: Iterable[Frame]) -> Iterable[Labels]:
    """The label sets of those series that have a sample."""
    for frame in frames:
        slots = len(frame.times)
        if frame.dense(0, slots):
            yield from frame.labels
        else:
            samples = np.count_nonzero(~missing(frame.values(0, slots)), axis=1)
            yield from (labels for labels, count in zip(frame.labels, samples, strict=True) if count)
