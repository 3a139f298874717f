"""What was unpacked last, for those who will read it again.

A rule looks through the same window at each slot, and all but its newest samples were there the last time. Where they lie in
a packed chunk, reading one slot costs as much as reading all. So what has been unpacked is kept for a while: a few megabytes
for the whole store, the least recently read goes first, and what would fill a quarter of that alone is not kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST: Final = 1 << 19
"""Samples that are kept: four megabytes."""


class Unpacked:
    """Matrices by the two objects that they were made of. Safe to use in several threads: a lost race unpacks twice."""

    __slots__ = ("_kept", "_lock", "_most", "size")

    def __init__(self, most: int = MOST) -> None:
        self._kept: OrderedDict[tuple[int, int], tuple[object, object, NDArray[np.float64]]] = OrderedDict()
        self._lock = Lock()
        self._most = most
        self.size = 0
        """How many samples are kept."""

    def __repr__(self) -> str:
        return f"Unpacked({self.size} samples in {len(self._kept)} parts)"

    def get(self, chunk: object, place: object, make: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
        """What `make` gives, or gave, for this chunk and this place in it."""
        key = (id(chunk), id(place))
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:  # both objects are kept with it, so that no other has their ids
                self._kept.move_to_end(key)
                return kept[2]
        made = make()
        if made.size <= self._most // 4:
            with self._lock:
                if key not in self._kept:
                    self._kept[key] = (chunk, place, made)
                    self.size += made.size
                while self.size > self._most:
                    self.size -= self._kept.popitem(last=False)[1][2].size
        return made
