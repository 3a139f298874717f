"""What to scrape and how: the options of a scrape job, as plain values.

Names, meaning and defaults are those of `scrape_configs`. A limit of 0 is no limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monitor.matching.relabel import NOTHING, Relabeling
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import MINUTE, SECOND, Millis
from monitor.net.http_config import PLAIN, HttpClient
from monitor.scrape.exposition.negotiation import ACCEPT, Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Beyond any of these a scrape fails as a whole; `targets` fails all targets of the job."""

    body_bytes: int = 0
    """Of the body, after decompression."""
    samples: int = 0
    """After metric relabelling."""
    labels: int = 0
    label_name_length: int = 0
    """Bytes."""
    label_value_length: int = 0
    """Bytes."""
    targets: int = 0
    dropped: int = 0
    """Targets thrown away by relabelling that are kept to be shown; all others are only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """Addresses with common labels: one entry of `static_configs`, or what a discovery mechanism found."""

    addresses: tuple[str, ...] = ()
    labels: Labels = EMPTY
    source: str = ""
    """Where the group is from, for people."""


class Mechanism(Protocol):
    """The options of a way to discover targets: a frozen dataclass in the file of its kind."""

    @property
    def refresh(self) -> Millis:
        """How often to look."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeJob:
    """One entry of `scrape_configs`."""

    name: str
    interval: Millis = MINUTE
    timeout: Millis = 10 * SECOND
    metrics_path: str = "/metrics"
    scheme: str = "http"
    params: tuple[tuple[str, tuple[str, ...]], ...] = ()
    groups: tuple[TargetGroup, ...] = ()
    """Known without looking."""
    discover: tuple[Mechanism, ...] = ()
    """Where more groups are looked for."""
    relabel: Relabeling = NOTHING
    metric_relabel: Relabeling = NOTHING
    honor_labels: bool = False
    """On a clash, does the target's own label win over ours?"""
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    """Mark the end of series with explicit timestamps too."""
    limits: Limits = Limits()
    compression: bool = True
    """Ask for gzip."""
    client: HttpClient = PLAIN
    accept: str = ACCEPT
    """Formats that are asked for."""
    fallback_format: Format | None = None
    """For answers that do not say their format."""
    extra_metrics: bool = False
    """Write scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes too."""
