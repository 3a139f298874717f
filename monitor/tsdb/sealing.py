"""Sealing: what is old enough in memory becomes a block.

A block has two hours, begun at even hours of UTC, and is sealed an hour after its end, or, where samples may come later than
that, when they no longer may. From the beginning of sealing on no
sample is taken that would belong in it. The work is done in slices of some milliseconds, each in a worker thread, while
the loop goes on; it reads chunks, which do not change below their count. Nobody may forget samples meanwhile.

The series of a frame become stripes in the order of their columns. In a frame whose series came and went they are taken
together by when they were there, lest a few that change at each scrape make a wide and empty matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.columns.distinct import distinct
from monitor.columns.nans import missing
from monitor.model.labels import Labels
from monitor.model.times import HOUR, Millis, Timestamp
from monitor.tsdb.blocks import LATEST, Block, BlockHead, BlockWriter
from monitor.tsdb.chunks import AnyChunk, Layout, padded
from monitor.tsdb.frames import extent
from monitor.tsdb.index import SeriesIndex
from monitor.tsdb.late import LateChunk, in_order
from monitor.tsdb.parts import SERIES_AT_MOST, SLOTS_AT_MOST, encode_part

SPAN: Millis = 2 * HOUR
SETTLED: Millis = HOUR
"""A block is sealed so long after its end at the earliest."""

_Extent = Sequence[tuple[AnyChunk, int, int]]


class Sealing:
    """One block under way. `step` until it says that there is no more; then there is a `block`, if there were samples."""

    def __init__(self, folder: Path, head: BlockHead, chains: Sequence[Sequence[AnyChunk]], index: SeriesIndex) -> None:
        self.head = head
        self.block: Block | None = None
        self._folder = folder
        self._chains = chains
        self._index = index
        self._steps = self._work()

    def step(self) -> bool:
        """Do some of it, in any thread; False when it is done. Raises OSError, after which nothing is left of it."""
        return next(self._steps, None) is not None

    def _work(self) -> Iterator[bool]:
        with BlockWriter(self._folder, self.head) as writer:
            for chain in self._chains:
                for part in encoded(chain, self.head.start, self.head.end, self._index):
                    writer.add(part)
                    yield True
            if writer.samples:
                self.block = writer.finish()


def encoded(chain: Sequence[AnyChunk], start: Timestamp, end: Timestamp, index: SeriesIndex) -> Iterator[bytes]:
    """What these chunks have in start <= t < end, as parts."""
    if chain and isinstance(chain[0], LateChunk):
        sids = distinct(np.concatenate([chunk.layout.sids for chunk in chain])).astype(np.int64)
        for low in range(0, len(sids), SERIES_AT_MOST):
            own = sids[low : low + SERIES_AT_MOST]
            late = in_order(chain, own, start, end - 1, LATEST)
            if late is not None:
                yield from _parts(own, late[0], late[1].T, index)
        return
    stretch = extent(chain, start, end - 1, LATEST)
    for sids, parts in _alike(stretch):
        times = np.concatenate([chunk.times[low:high] for chunk, low, high in parts])
        for low in range(0, len(sids), SERIES_AT_MOST):
            own = sids[low : low + SERIES_AT_MOST]
            rows = [padded(chunk, first, last, chunk.layout.columns(own)) for chunk, first, last in parts]
            yield from _parts(own, times, np.concatenate(rows).T, index)


def _alike(stretch: _Extent) -> Iterator[tuple[NDArray[np.int64], _Extent]]:
    """Series that are in the same of these chunks, with the chunks that they are in."""
    layouts: dict[int, Layout] = {id(chunk.layout): chunk.layout for chunk, _, _ in stretch}
    if len(layouts) == 1:
        yield next(iter(layouts.values())).sids.astype(np.int64), stretch
        return
    presence: dict[int, list[int]] = {}
    for key, layout in layouts.items():
        members: list[int] = layout.sids.tolist()
        for sid in members:
            presence.setdefault(sid, []).append(key)
    alike: dict[tuple[int, ...], list[int]] = {}
    for sid, keys in presence.items():
        alike.setdefault(tuple(keys), []).append(sid)
    for keys, sids in alike.items():
        yield np.array(sids, dtype=np.int64), [part for part in stretch if id(part[0].layout) in keys]


def _parts(
    sids: NDArray[np.int64], times: NDArray[np.int64], matrix: NDArray[np.float64], index: SeriesIndex
) -> Iterator[bytes]:
    """These series' parts: `times` (slots,), `matrix` (series, slots)."""
    absent = missing(matrix)
    slots, rows = np.flatnonzero(~absent.all(axis=0)), np.flatnonzero(~absent.all(axis=1))
    labels: list[Labels] = []
    kept: list[int] = []
    numbers: list[int] = rows.tolist()
    for row in numbers:
        known = index.labels[int(sids[row])]
        if known is not None:
            labels.append(known)
            kept.append(row)
    if not kept or not len(slots):
        return
    matrix, times = matrix[kept][:, slots], times[slots]
    pieces = -(-len(times) // SLOTS_AT_MOST)
    for part in np.array_split(np.arange(len(times)), pieces):
        low, high = int(part[0]), int(part[-1]) + 1
        yield from _present(labels, times[low:high], matrix[:, low:high])


def _present(labels: Sequence[Labels], times: NDArray[np.int64], matrix: NDArray[np.float64]) -> Iterator[bytes]:
    """A part without the series that have no sample in it."""
    there: list[int] = np.flatnonzero(~missing(matrix).all(axis=1)).tolist()
    if there:
        yield encode_part([labels[row] for row in there], times, matrix[there])
