"""One target: what becomes of its answers.

A good answer makes a row of all its series and the reports (`up` 1, duration, counts). Whatever fails counts as an empty
answer: a stale marker for each series that was there, and `up` 0. Reading and writing are steps, so that a large answer can
be taken bit by bit. Source: prometheus scrape/scrape.go.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from monitor.clock import Clock
from monitor.columns.sink import SampleSink
from monitor.model.errors import ExpositionError, PeerError
from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.scrape.admission import ScrapeLimitError, admission, report_labels
from monitor.scrape.exposition.negotiation import Format, choose_format
from monitor.scrape.exposition.reading import Metadata, Reading
from monitor.scrape.exposition.text import TextReader
from monitor.scrape.exposition.together import Renewal
from monitor.scrape.history import TargetSeries
from monitor.scrape.jobs import ScrapeJob
from monitor.scrape.rows import RowPlan, compare_plans, exemplars_of, plan_rows
from monitor.scrape.targets import Target

_AHEAD: Final[Millis] = 10 * MINUTE
"""Samples that claim to be from later than this are dropped, as in Prometheus."""
_LONGEST_ERROR: Final = 500
"""Characters of an error that are kept: it may quote the target's own text."""

REPORTS: Final = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
EXTRA_REPORTS: Final = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A target's answer to a scrape that succeeded so far."""

    body: bytes | bytearray
    """Decompressed; not changed any more."""
    content_type: str | None


Outcome: TypeAlias = Answer | PeerError

KeepExemplar: TypeAlias = Callable[[Labels, Exemplar], object]
"""Told of the exemplars of each good answer, with their series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetStatus:
    """How a target is doing, for people and the API."""

    target: Target
    health: str
    """up, down or unknown (not scraped yet)."""
    last_scrape: Timestamp | None
    last_duration: float
    """Seconds."""
    last_error: str
    samples: int
    """In the last good answer."""


class ScrapedTarget:
    """One target's state: its reader, its place in the store, how it is doing."""

    __slots__ = (
        "_clock",
        "_exemplars",
        "_format",
        "_last",
        "_reader",
        "_series",
        "_written_at",
        "busy",
        "due",
        "ended",
        "job",
        "metadata",
        "offset",
        "target",
    )

    def __init__(
        self,
        job: ScrapeJob,
        target: Target,
        sink: SampleSink,
        clock: Clock,
        exemplars: KeepExemplar | None,
    ) -> None:
        self.job = job
        self.target = target
        self.offset: Millis = 0
        self.due: Timestamp = 0
        self.busy = False
        self.ended = False
        self.metadata: Mapping[str, Metadata] = {}
        self._clock = clock
        self._exemplars = exemplars
        self._format = Format.TEXT
        self._reader = TextReader(admission(job, target.labels), self._format.grammar)
        self._written_at: Timestamp = 0
        self._series = TargetSeries(
            sink, _report_series(job, target.labels), track_loose=job.track_timestamps_staleness
        )
        self._last = TargetStatus(
            target=target, health="unknown", last_scrape=None, last_duration=0.0, last_error="", samples=0
        )

    def __repr__(self) -> str:
        return f"ScrapedTarget({self.target.url}, {self._last.health}, {self._series})"

    def status(self) -> TargetStatus:
        return self._last

    def change(self, job: ScrapeJob, target: Target) -> None:
        """Other options for the same series; the next answer is read as if it were the first."""
        self.job = job
        self.target = target
        self._reader = TextReader(admission(job, target.labels), self._format.grammar)
        self._series.report(_report_series(job, target.labels))
        self._series.track_loose = job.track_timestamps_staleness

    def end(self, at: Timestamp | None) -> None:
        """The target is gone; with a time its series end then."""
        self.ended = True
        self._series.close(at)

    def take(self, at: Timestamp, began: float, told: Outcome) -> Generator[Renewal | None, None, str | None]:
        """Read and write what came of asking at `began` for the time `at`, in steps; the last one returns what went wrong.
        What the steps give: see `TextReader.read`."""
        job = self.job
        # the wall clock was set back: keep the order rather than lose the samples
        at = self._written_at = max(at, self._written_at + 1)
        scraped = kept = 0
        size = 0
        try:
            if isinstance(told, PeerError):
                raise told
            size = len(told.body)
            reader = self._reader_of(choose_format(told.content_type, job.fallback_format))
            reading = yield from reader.read(told.body)
            scraped = len(reading.entries)
            before = self._series.plan
            plan = yield from self._planned(reading)
            kept = plan.kept
            if job.limits.samples and kept > job.limits.samples:
                raise ScrapeLimitError("sample limit exceeded")
            change = (yield from compare_plans(before, plan)) if plan is not before else None
        except (PeerError, ExpositionError) as failure:
            if isinstance(failure, ScrapeLimitError) and failure.body_bytes:
                size = failure.body_bytes
            error = _sentence(failure)
            if not self.ended:
                duration = self._clock.monotonic() - began
                yield from self._series.fail(at, self._report(0, duration, scraped, kept, 0, size))
                self._note(at, duration, error, self._last.samples)
            return error
        if self.ended:
            return None
        duration = self._clock.monotonic() - began
        reports = self._report(1, duration, scraped, kept, 0 if change is None else change.added, size)
        self.metadata = reading.metadata
        yield from self._series.write(at, plan, change, reading, reports, self._clock.now() + _AHEAD)
        if self.ended:
            return None
        if self._exemplars is not None:
            for labels, exemplar in exemplars_of(reading, at):
                self._exemplars(labels, exemplar)
        self._note(at, duration, "", scraped)
        return None

    def _reader_of(self, format_: Format) -> TextReader[Labels | None]:
        """A target that answers in another format than before is read as if for the first time."""
        if format_ is not self._format:
            self._format = format_
            self._reader = TextReader(admission(self.job, self.target.labels), format_.grammar)
        return self._reader

    def _planned(self, reading: Reading[Labels | None]) -> Generator[None, None, RowPlan]:
        stamps = reading.times if self.job.honor_timestamps else ()
        plan, reports = self._series.plan, self._series.reports
        if plan is not None and plan.fits(reading, stamps) and plan.reports == reports:
            return plan
        return (yield from plan_rows(reading, frozenset(stamps), reports))

    def _report(self, up: int, duration: float, scraped: int, kept: int, added: int, size: int) -> list[float]:
        values: list[float] = [up, duration, scraped, kept, added]
        if self.job.extra_metrics:
            values += [self.target.timeout / 1000, self.job.limits.samples, size]
        return values

    def _note(self, at: Timestamp, duration: float, error: str, samples: int) -> None:
        self._last = TargetStatus(
            target=self.target,
            health="down" if error else "up",
            last_scrape=at,
            last_duration=duration,
            last_error=error,
            samples=samples,
        )


def _report_series(job: ScrapeJob, target: Labels) -> tuple[Labels, ...]:
    names = REPORTS + EXTRA_REPORTS if job.extra_metrics else REPORTS
    return tuple(report_labels(name, target) for name in names)


def _sentence(failure: Exception) -> str:
    text = str(failure)
    return text if len(text) <= _LONGEST_ERROR else text[:_LONGEST_ERROR] + "…"
