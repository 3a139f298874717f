"""What a store has on disk, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.columns.nans import missing
from monitor.model.errors import CorruptionError
from monitor.model.times import Timestamp
from monitor.tsdb.blocks import Block, BlockReader
from monitor.tsdb.chunks import AnyChunk
from monitor.tsdb.past import note
from monitor.tsdb.store import SampleStore


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockContents:
    """One block."""

    name: str
    start: Timestamp
    end: Timestamp
    """Its samples are in start <= t < end."""
    samples: int
    """Those that can be read."""
    parts: int
    size: int
    """Bytes."""
    imported: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All of it."""

    blocks: tuple[BlockContents, ...]
    """By time."""
    log_size: int
    """Bytes."""
    log_samples: int
    """What memory has: after a start, what the log has and blocks have not. Of a live store some may be in the newest block
    too, or not in the log yet."""
    log_start: Timestamp | None
    log_end: Timestamp | None
    """The first and last time in the log; None if it is empty."""

    @property
    def overlap(self) -> bool:
        """May a sample be in two of these, so that it is counted twice? Only what was imported lies across the rest."""
        spans = [(block.start, block.end) for block in self.blocks]
        if self.log_start is not None and self.log_end is not None:
            spans.append((self.log_start, self.log_end + 1))
        imported = [block for block in self.blocks if block.imported]
        return any(sum(start < block.end and block.start < end for start, end in spans) > 1 for block in imported)

    @property
    def samples(self) -> int:
        return self.log_samples + sum(block.samples for block in self.blocks)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.log_size + sum(block.size for block in self.blocks)

    @property
    def start(self) -> Timestamp | None:
        """The first time that there is; blocks say it to the hour."""
        times = [block.start for block in self.blocks] + ([] if self.log_start is None else [self.log_start])
        return min(times, default=None)

    @property
    def end(self) -> Timestamp | None:
        """The last time that there is."""
        times = [block.end for block in self.blocks] + ([] if self.log_end is None else [self.log_end])
        return max(times, default=None)


def span(store: SampleStore) -> tuple[Timestamp, Timestamp] | None:
    """The first and the last time of all samples; None if there are none."""
    held = contents(store)
    blocks = store.archive.shelf.blocks if store.archive is not None else ()
    spans = [one for block in blocks if (one := block.table.span) is not None]
    if held.log_start is not None and held.log_end is not None:
        spans.append((held.log_start, held.log_end))
    return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None


def contents(store: SampleStore) -> Contents:
    """What there is now. Reads all blocks: not for the loop."""
    blocks = store.archive.shelf.blocks if store.archive is not None else ()
    segments = store.log.segments if store.log is not None else []
    listed = [
        BlockContents(
            name=block.path.name,
            start=block.head.start,
            end=block.head.end,
            samples=_samples(store, block),
            parts=len(block.table),
            size=block.size,
            imported=block.head.floor is None,
        )
        for block in blocks
    ]
    return Contents(
        blocks=tuple(sorted(listed, key=lambda block: (block.start, block.name))),
        log_size=sum(segment.size for segment in segments),
        log_samples=sum(_in_memory(chunk) for frame in store.head.frames for chunk in frame.chunks),
        log_start=min((segment.oldest for segment in segments if segment.oldest is not None), default=None),
        log_end=max(
            (segment.newest for segment in segments if segment.oldest is not None and segment.newest), default=None
        ),
    )


def _samples(store: SampleStore, block: Block) -> int:
    """How many can be read; what cannot is noted."""
    count = 0
    assert store.archive is not None
    try:
        with BlockReader(block) as reader:
            for part in block.table.all():
                try:
                    count += reader.samples(part)
                except CorruptionError as error:
                    note(store.archive.shelf, block, part, error)
    except OSError as error:
        store.archive.shelf.note(block.path, str(error), cost="its samples are not counted")
    return count


def _in_memory(chunk: AnyChunk) -> int:
    return int(np.count_nonzero(~missing(chunk.read(0, chunk.count, slice(None)))))
