"""What a store has on disk, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.times import Timestamp
from monitor.tsdb.store import SampleStore


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockContents:
    """One block."""

    name: str
    start: Timestamp
    end: Timestamp
    """Its samples are in start <= t < end."""
    samples: int
    """Slots times series: a sample that is missing within a part counts too."""
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
    """What the log has and blocks have not; counted as in blocks."""
    log_start: Timestamp | None
    log_end: Timestamp | None
    """The first and last time in the log; None if it is empty."""

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
    """What there is now."""
    blocks = store.archive.shelf.blocks if store.archive is not None else ()
    segments = store.log.segments if store.log is not None else []
    listed = [
        BlockContents(
            name=block.path.name,
            start=block.head.start,
            end=block.head.end,
            samples=block.table.samples,
            parts=len(block.table),
            size=block.size,
            imported=block.head.floor is None,
        )
        for block in blocks
    ]
    return Contents(
        blocks=tuple(sorted(listed, key=lambda block: (block.start, block.name))),
        log_size=sum(segment.size for segment in segments),
        log_samples=store.stats().samples,
        log_start=min((segment.oldest for segment in segments if segment.oldest is not None), default=None),
        log_end=max(
            (segment.newest for segment in segments if segment.oldest is not None and segment.newest), default=None
        ),
    )
