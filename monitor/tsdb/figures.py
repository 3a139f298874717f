"""What the store tells about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monitor.model.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """What the store holds."""

    series: int
    frames: int
    samples: int
    """Slots times series in memory, missing ones included."""
    memory_bytes: int
    """Of samples; label sets come on top."""
    blocks: int
    block_samples: int
    """As `samples`, on disk."""
    block_bytes: int
    disk_bytes: int
    """Of the log and the blocks."""


NOTHING_STORED: Final = StoreStats(
    series=0, frames=0, samples=0, memory_bytes=0, blocks=0, block_samples=0, block_bytes=0, disk_bytes=0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHealth:
    """Is what the store holds also on disk?"""

    last_flush: Timestamp | None
    """The last one that succeeded; None before it, and without a log."""
    error: str | None
    """Why the last flush or clean-up failed; None if it did not."""
    failed_flushes: int
    """In a row."""
    unlogged_frames: int
    """Frames with rows that only memory has."""
    dropped_samples: int
    """Out of order: not later than the last one of their series or frame."""
    too_old_samples: int
    """From before the window for late ones."""
    duplicate_samples: int
    """For the time of their series' newest one, with another value."""
    overtaken_samples: int
    """Late, for a time for which their series had another value."""
    late_samples: int
    """Out of order, within the window: taken."""
    late_until: Timestamp | None
    """Some series take no sample before this time, because the last one that they were given was late; None if there are
    none. Far ahead of the clock only if it was set back."""
    damaged: int = 0
    """Parts of blocks, or whole ones, that cannot be read."""
    problems: tuple[str, ...] = ()
    """A sentence for each."""
