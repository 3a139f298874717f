"""What was brought together last, for those who will read it again.

A rule looks through the same window at each slot, and all but its newest samples were there the last time. Where they lie in
a packed chunk, reading one slot costs as much as reading all. Where they are a few columns of wide rows, each of them is a
trip to the memory of its own: there only the rows that have come since are read. So what has been unpacked or gathered is
kept for a while: a few megabytes for the whole store, the least recently read goes first, and what would fill a quarter of
that alone is not kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from monitor.tsdb.chunks import SLOTS, Chunk

MOST: Final = 1 << 19
"""Samples that are kept: four megabytes."""


class Unpacked:
    """Matrices by the two objects that they were made of. Safe to use in several threads: a lost race works twice."""

    __slots__ = ("_kept", "_lock", "_most", "size")

    def __init__(self, most: int = MOST) -> None:
        self._kept: OrderedDict[tuple[int, int], _Part] = OrderedDict()
        self._lock = Lock()
        self._most = most
        self.size = 0
        """How many samples are kept."""

    def __repr__(self) -> str:
        return f"Unpacked({self.size} samples in {len(self._kept)} parts)"

    def get(self, chunk: object, place: object, make: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
        """What `make` gives, or gave, for this chunk and this place in it."""
        kept = self._find(chunk, place)
        if kept is not None:
            return kept.matrix
        made = make()
        # The chunk is kept with it, so that no other has its id.
        self._keep(chunk, _Part(lambda: chunk, place, made))
        return made

    def gathered(self, chunk: Chunk, place: object, columns: NDArray[np.int64], high: int) -> NDArray[np.float64]:
        """(high, C): these columns, which are what `place` says, of the chunk's slots below `high`; they are written."""
        part = self._find(chunk, place)
        if part is None:
            if SLOTS * len(columns) > self._most // 4:
                return chunk.matrix[:high, columns]
            # A chunk is much larger than what is kept of it: it is not held.
            part = _Part(ref(chunk), place, np.empty((SLOTS, len(columns)), dtype=np.float64))
            self._keep(chunk, part)
        have = part.rows
        if have < high:
            np.take(chunk.matrix[have:high], columns, axis=1, out=part.matrix[have:high], mode="clip")
            part.rows = high  # last: another thread reads only what is there, or writes the same
        return part.matrix[:high]

    def _find(self, chunk: object, place: object) -> _Part | None:
        key = (id(chunk), id(place))
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.chunk() is not chunk:
                return None
            self._kept.move_to_end(key)
            return kept

    def _keep(self, chunk: object, part: _Part) -> None:
        if part.matrix.size > self._most // 4:
            return
        key = (id(chunk), id(part.place))
        with self._lock:
            gone = self._kept.pop(key, None)
            self.size += part.matrix.size - (0 if gone is None else gone.matrix.size)
            self._kept[key] = part
            while self.size > self._most:
                self.size -= self._kept.popitem(last=False)[1].matrix.size


class _Part:
    """What is kept of one chunk for one place."""

    __slots__ = ("chunk", "matrix", "place", "rows")

    def __init__(self, chunk: Callable[[], object], place: object, matrix: NDArray[np.float64]) -> None:
        self.chunk = chunk
        self.place = place
        self.matrix = matrix
        self.rows = 0
        """So many were gathered."""
