"""Where samples are sent and how: one entry of `remote_write`, with Prometheus's names, meaning and defaults."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.matching.relabel import NOTHING, Relabeling
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import MINUTE, SECOND, Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteWrite:
    """One receiver."""

    name: str
    url: str = field(repr=False)
    timeout: Millis = 30 * SECOND
    external_labels: Labels = EMPTY
    relabel: Relabeling = NOTHING
    """After external labels were added."""
    exemplars: bool = False
    metadata: bool = True
    metadata_interval: Millis = MINUTE
    metadata_per_send: int = 2_000
    capacity: int = 10_000
    """Samples that wait in memory while they cannot be put on disk."""
    samples_per_send: int = 2_000
    deadline: Millis = 5 * SECOND
    """A sample waits so long for others to go with it."""
    min_backoff: Millis = 30
    max_backoff: Millis = 5 * SECOND
    retry_429: bool = True
    age_limit: Millis = 0
    """Older ones are dropped instead of sent; 0 is no limit."""
