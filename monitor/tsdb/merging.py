"""Merging: small blocks become a larger one, so that weeks are some tens of files.

Three levels above two hours, each four times as long as the one before, at even times. A merged block is mostly the parts
of its sources, copied as they are, checksums checked on the way. Only short parts of the same series (of a target that is
seldom scraped, say) are joined. A source that is damaged gives what it has; what was lost is noted by then.

Until the merged block has its name its sources are what counts; from then on it names them as replaced. A process that is
killed at any point in between leaves one or the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import CorruptionError
from monitor.model.times import Millis, Timestamp
from monitor.tsdb.blocks import Block, BlockHead, BlockReader, BlockWriter, PlacedPart
from monitor.tsdb.parts import SLOTS_AT_MOST, Stripe, encode_part
from monitor.tsdb.past import note
from monitor.tsdb.sealing import SPAN
from monitor.tsdb.shelf import Shelf

LEVELS: Final[tuple[Millis, ...]] = (4 * SPAN, 16 * SPAN, 64 * SPAN)
_SHORT: Final = SLOTS_AT_MOST // 2

_Run = list[tuple[Block, PlacedPart]]


def due(blocks: Sequence[Block], border: Timestamp, retention: Millis) -> tuple[Block, ...]:
    """Blocks that are to become one, oldest first; none if there are no such ones. No block may be longer than an eighth of
    the retention, since it goes as a whole. What was imported lies across the others and stays as it is."""
    sealed = [block for block in blocks if block.head.floor is not None]
    foreign = [block for block in blocks if block.head.floor is None]
    for level in LEVELS:
        if level > retention // 8:
            break
        windows: dict[int, list[Block]] = {}
        for block in sealed:
            if block.head.start // level == (block.head.end - 1) // level:
                windows.setdefault(block.head.start // level, []).append(block)
        for window, members in sorted(windows.items()):
            start, end = window * level, (window + 1) * level
            crossed = any(block.head.start < end and start < block.head.end for block in foreign)
            if len(members) > 1 and end <= border and not crossed:
                return tuple(sorted(members, key=lambda block: (block.head.start, block.head.rank)))
    return ()


class Merging:
    """One merged block under way. `step` until it says that there is no more; then there is a `block`, if anything was
    left."""

    def __init__(self, shelf: Shelf, folder: Path, sources: Sequence[Block], number: int) -> None:
        self.block: Block | None = None
        self.head = BlockHead(
            number=number,
            rank=max(block.head.rank for block in sources),
            start=min(block.head.start for block in sources),
            end=max(block.head.end for block in sources),
            floor=max((block.head.floor for block in sources if block.head.floor is not None), default=None),
            replaces=tuple(block.head.number for block in sources),
        )
        self._shelf = shelf
        self._folder = folder
        self._sources = sources
        self._steps = self._work()

    def step(self) -> bool:
        """Do some of it, in any thread; False when it is done. Raises OSError, after which nothing is left of it."""
        return next(self._steps, None) is not None

    def _work(self) -> Iterator[bool]:
        short: dict[bytes, _Run] = {}
        with BlockWriter(self._folder, self.head) as writer:
            for block in self._sources:
                with BlockReader(block) as reader:
                    for part in block.table.all():
                        try:
                            if part.head.slots > _SHORT:
                                writer.add(reader.whole(part))
                            else:
                                self._gather(writer, short, reader.names(part), block, part)
                        except CorruptionError as error:
                            note(self._shelf, block, part, error)
                        yield True
            for run in short.values():
                self._join(writer, run)
                yield True
            self.block = writer.finish()

    def _gather(
        self, writer: BlockWriter, short: dict[bytes, _Run], names: bytes, block: Block, part: PlacedPart
    ) -> None:
        """Put a short part to those of the same series, which are written once they are long enough together."""
        run = short.setdefault(names, [])
        long = sum(own.head.slots for _, own in run) + part.head.slots > SLOTS_AT_MOST
        if run and (long or part.head.first <= run[-1][1].head.last):
            self._join(writer, run)
            run.clear()
        run.append((block, part))

    def _join(self, writer: BlockWriter, run: _Run) -> None:
        times: list[NDArray[np.int64]] = []
        values: list[NDArray[np.float64]] = []
        stripe: Stripe | None = None
        for block, part in run:
            with BlockReader(block) as reader:
                try:
                    if len(run) == 1:
                        writer.add(reader.whole(part))
                        return
                    stripe = Stripe(reader.names(part), part.head.series)
                    own = reader.times(part), reader.values(part)
                except CorruptionError as error:
                    note(self._shelf, block, part, error)
                    continue
            times.append(own[0])
            values.append(own[1])
        if stripe is not None and times:
            labels = [stripe.labels(row, lambda each: each) for row in range(stripe.series)]
            writer.add(encode_part(labels, np.concatenate(times), np.concatenate(values, axis=1)))
