"""What the store knows about its blocks: up to where samples are sealed, what readers see, what memory may let go.

`border` is where blocks end and memory begins, for readers. `floor` is the same for writers: no sample before it is taken.
It rises when sealing begins, the border when the block is there. Memory lets go of what is before the border a few minutes
later, since views may still read it there.

A store whose retention is shorter than a block takes to be sealed keeps all in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from monitor.model.times import Millis, Timestamp
from monitor.tsdb.blocks import BlockHead
from monitor.tsdb.chunks import AnyChunk
from monitor.tsdb.index import SeriesIndex
from monitor.tsdb.late import LateChunk
from monitor.tsdb.merging import Merging, due
from monitor.tsdb.newest import NEVER
from monitor.tsdb.past import Past
from monitor.tsdb.sealing import SETTLED, SPAN, Sealing
from monitor.tsdb.shelf import GRACE, Shelf

_HELD_AT_MOST: Final[Millis] = 4 * SPAN - SETTLED
"""As long as blocks cannot be written memory keeps so much of what has settled, not more."""


class Archive:
    """The blocks of one store. Changed on the loop only."""

    def __init__(self, folder: Path, retention: Millis) -> None:
        self.shelf = Shelf(folder)
        self.retention = retention
        self.settled: Millis = SETTLED
        """A block is sealed so long after its end."""
        self.floor: Timestamp = NEVER
        """No sample before this is taken."""
        self.border: Timestamp = NEVER
        """Samples before this are read from blocks."""
        self.past: Past | None = None
        """What views read; None while there are no blocks."""
        self.error: str | None = None
        """Why the last sealing failed; None if it did not."""
        self._moved: Timestamp = NEVER

    @property
    def seals(self) -> bool:
        """Are there blocks at all?"""
        return self.retention >= SPAN + self.settled

    def open(self, now: Timestamp) -> list[str]:
        """List the blocks of the folder; what was wrong with them."""
        try:
            self.shelf.open()
        except OSError as error:
            return [f"{self.shelf.folder}: cannot be read: {error}"]
        # A clock that was ahead when a block was sealed must not keep samples out now.
        self.floor = self.border = min(self.shelf.floor if self.shelf.floor is not None else NEVER, now)
        self.look()
        return list(self.shelf.problems)

    def due(self, chains: Sequence[Sequence[AnyChunk]], index: SeriesIndex, now: Timestamp) -> Sealing | None:
        """The next block that is to be sealed of these frames, if one is."""
        oldest = min([begin for chain in chains for begin in _unsealed(chain, self.border)], default=None)
        if oldest is None or not self.seals:
            return None
        start = max(oldest, self.border)
        end = (start // SPAN + 1) * SPAN
        return self._sealing(start, end, chains, index) if end + self.settled <= now else None

    def everything(self, chains: Sequence[Sequence[AnyChunk]], index: SeriesIndex) -> Sealing | None:
        """A block of all that there is."""
        chains = [chain for chain in chains if chain]
        newest = max((chunk.last for chain in chains for chunk in chain), default=NEVER)
        if newest < self.border or not chains:
            return None
        oldest = min(chunk.begin for chain in chains for chunk in chain)
        return self._sealing(max(oldest, self.border), newest + 1, chains, index)

    def take(self, sealing: Sealing, now: Timestamp) -> None:
        """A sealing has come to its end."""
        if sealing.block is not None:
            self.shelf.put(sealing.block, now)
        self.border, self._moved, self.error = sealing.head.end, now, None
        self.look()

    def take_merged(self, merging: Merging, now: Timestamp) -> None:
        """A merging has come to its end."""
        if merging.block is not None:
            self.shelf.put(merging.block, now)
            self.error = None
            self.look()

    def mergeable(self) -> Merging | None:
        """The next merging of blocks, if one is due."""
        sources = due(self.shelf.blocks, self.border, self.retention)
        return Merging(self.shelf, self.shelf.folder, sources, self.shelf.next_number()) if sources else None

    def look(self) -> None:
        """Views show the blocks that are listed now."""
        self.past = Past(self.shelf, self.shelf.blocks, self.border) if self.shelf.blocks else None

    def retain(self, now: Timestamp, bytes_at_most: int | None) -> None:
        """Unlist what is too old or too much."""
        before = self.shelf.blocks
        self.shelf.retain(now - self.retention, bytes_at_most, now)
        if self.shelf.blocks is not before:
            self.look()

    def horizon(self, now: Timestamp) -> Timestamp:
        """Memory may let go of what is older."""
        if not self.seals:
            return now - self.retention
        held = now - (self.retention if self.error is None else min(self.retention, _HELD_AT_MOST + self.settled))
        # A clock that was set back ends the grace.
        return held if 0 <= now - self._moved < GRACE else max(held, self.border)

    def _sealing(
        self, start: Timestamp, end: Timestamp, chains: Sequence[Sequence[AnyChunk]], index: SeriesIndex
    ) -> Sealing:
        self.floor = max(self.floor, end)
        number = self.shelf.next_number()
        head = BlockHead(number=number, rank=number, start=start, end=end, floor=end)
        return Sealing(self.shelf.folder, head, chains, index)


def _unsealed(chain: Sequence[AnyChunk], border: Timestamp) -> Iterator[Timestamp]:
    """Where those of these chunks begin that are not in blocks as a whole; of chunks in order the first one tells it."""
    for chunk in chain:
        if chunk.last >= border:
            yield chunk.begin
            if not isinstance(chunk, LateChunk):
                return
