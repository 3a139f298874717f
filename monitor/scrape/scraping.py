"""The scrape loop: asks every target in its slot and writes what it answers, or that it did not.

One loop keeps one heap of due times and sleeps until the first; each scrape is a task of its own while it lasts. A target
keeps its slot in the interval over reloads and restarts. Samples carry the time of the slot when the scrape began within
two milliseconds of it, else the time it began.

Every scrape leaves a trace. A good one writes a row of all its series and the reports (`up` 1, duration, counts). A failed
one, whatever failed, counts as an empty one: a stale marker for each series that was there, and `up` 0. A series missing
from one good answer gets its stale marker at once, as do all of them when the target is taken away; none at shutdown, after
which the same series go on. Source: prometheus scrape/scrape.go.

Large answers are read in slices; between two of them other tasks run.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias, TypeVar, cast

from monitor.clock import Clock
from monitor.columns.sink import SampleSink
from monitor.model.errors import ExpositionError, PeerError
from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.model.times import MINUTE, SECOND, Millis, Timestamp
from monitor.scrape.admission import ScrapeLimitError, admission, report_labels
from monitor.scrape.exposition.negotiation import Format, choose_format
from monitor.scrape.exposition.reading import Metadata, Reading
from monitor.scrape.exposition.text import TextReader
from monitor.scrape.history import TargetSeries
from monitor.scrape.jobs import ScrapeJob
from monitor.scrape.rows import RowPlan, compare_plans, exemplars_of, plan_rows
from monitor.scrape.targets import Target, TargetSet, gathered, next_due, offset_of, targets_of, without_clashes

R = TypeVar("R")

_SNAP: Final[Millis] = 2
"""A scrape that begins so close after its slot carries the slot's time."""
_HOLD: Final = 0.002
"""Seconds of reading before other tasks get their turn."""
_BRIEF: Final = 0.0005
"""Seconds after which what comes next is left for another turn."""
_LONGEST_NAP: Final[Millis] = 30 * SECOND
"""A wall clock that was set back is noticed within this."""
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


class Fetch(Protocol):
    """Asks targets."""

    async def __call__(self, job: ScrapeJob, target: Target) -> Answer:
        """The answer, within the target's timeout. Raises PeerError when there is none, ScrapeLimitError when its body is
        over the job's limit."""
        ...


class OnScrape(Protocol):
    """Told after each scrape, when its samples are in the store."""

    def __call__(self, job: str, target: Labels, at: Timestamp, error: str | None) -> None:
        """`at` is the samples' time; `error` says why the scrape failed. Must not block."""
        ...


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


class Scraping:
    """All scrape jobs. `start(name, coroutine)` starts a supervised task; `run` is itself to be started so."""

    def __init__(
        self,
        *,
        sink: SampleSink,
        clock: Clock,
        fetch: Fetch,
        start: Callable[[str, Coroutine[None, None, None]], object],
        on_scrape: OnScrape | None = None,
        exemplars: KeepExemplar | None = None,
        seed: int = 0,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._fetch = fetch
        self._start = start
        self._on_scrape = on_scrape
        self._exemplars = exemplars
        self._seed = seed
        self._jobs: dict[str, ScrapeJob] = {}
        self._found: dict[str, TargetSet] = {}
        self._sets: dict[str, TargetSet] = {}
        self._scrapes: dict[tuple[str, Labels], _Scrape] = {}
        self._heap: list[tuple[Timestamp, int, _Scrape]] = []
        self._order = 0
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"Scraping(jobs={len(self._jobs)}, targets={len(self._scrapes)})"

    def apply(self, jobs: Sequence[ScrapeJob]) -> None:
        """Scrape these jobs from now on. Targets that stay keep slot and history; the series of those that go end now. May
        be called while running."""
        now = self._clock.now()
        wanted = {job.name: job for job in jobs}
        options = {job.name: replace(job, groups=()) for job in jobs}
        self._found = {
            name: self._found[name] if self._jobs.get(name) == job else targets_of(job) for name, job in wanted.items()
        }
        self._sets = without_clashes(self._found)
        self._jobs = wanted
        active = {(name, target.labels): target for name, found in self._sets.items() for target in found.active}
        for key in [key for key in self._scrapes if key not in active]:
            self._scrapes.pop(key).end(now)
        for key, target in active.items():
            job = options[key[0]]
            scrape = self._scrapes.get(key)
            if scrape is None:
                scrape = self._scrapes[key] = _Scrape(
                    job, target, self._sink, self._clock, self._fetch, self._exemplars
                )
            elif scrape.target != target or scrape.job != job:
                scrape.change(job, target)
            else:
                continue
            scrape.offset = gathered(offset_of(target, self._seed), target.interval, len(active))
            scrape.due = next_due(target, scrape.offset, now)
        self._arrange()

    async def run(self) -> None:
        """Scrape until cancelled."""
        while True:
            now = self._clock.now()
            if self._heap and self._heap[0][0] > now + self._heap[0][2].target.interval:
                self._reset(now)  # the wall clock was set back
            while self._heap and self._heap[0][0] <= now:
                due, _, scrape = heapq.heappop(self._heap)
                scrape.due = next_due(scrape.target, scrape.offset, now)
                self._push(scrape)
                if not scrape.busy:
                    scrape.busy = True
                    at = due if now - due <= _SNAP else now
                    self._start(f"scrape {scrape.target.url}", self._scrape(scrape, at))
            nap = now + _LONGEST_NAP
            await self._clock.wait(self._changed, min(self._heap[0][0], nap) if self._heap else None)

    def close(self) -> None:
        """Let go of all series without ending them: after a restart they go on. Call it when `run` is cancelled."""
        for scrape in self._scrapes.values():
            scrape.end(None)
        self._scrapes.clear()
        self._heap.clear()

    def status(self) -> tuple[TargetStatus, ...]:
        """All active targets, in the order of jobs and groups."""
        return tuple(
            self._scrapes[name, target.labels].status()
            for name, found in self._sets.items()
            for target in found.active
            if (name, target.labels) in self._scrapes
        )

    def due_times(self) -> tuple[tuple[Timestamp, Target], ...]:
        """When each target is next scraped, earliest first."""
        return tuple((due, scrape.target) for due, _, scrape in sorted(self._heap, key=lambda item: item[:2]))

    def target_sets(self) -> Mapping[str, TargetSet]:
        """By job: active and dropped targets and problems."""
        return self._sets

    def metadata(self) -> tuple[tuple[Target, Mapping[str, Metadata]], ...]:
        """What each target's last good answer says about its metrics."""
        return tuple((scrape.target, scrape.metadata) for scrape in self._scrapes.values())

    async def _scrape(self, scrape: _Scrape, at: Timestamp) -> None:
        try:
            error = await scrape.run(at)
        finally:
            scrape.busy = False
        if self._on_scrape is not None and not scrape.ended:
            self._on_scrape(scrape.job.name, scrape.target.labels, at, error)

    def _push(self, scrape: _Scrape) -> None:
        self._order += 1
        heapq.heappush(self._heap, (scrape.due, self._order, scrape))

    def _arrange(self) -> None:
        self._heap.clear()
        for scrape in self._scrapes.values():
            self._push(scrape)
        self._changed.set()

    def _reset(self, now: Timestamp) -> None:
        for scrape in self._scrapes.values():
            scrape.due = next_due(scrape.target, scrape.offset, now)
        self._arrange()
        self._changed.clear()


class _Scrape:
    """One target's state: its reader, its place in the store, how it is doing."""

    __slots__ = (
        "_clock",
        "_exemplars",
        "_fetch",
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
        fetch: Fetch,
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
        self._fetch = fetch
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
        return f"_Scrape({self.target.url}, {self._last.health}, {self._series})"

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

    async def run(self, at: Timestamp) -> str | None:
        """Scrape once, for the time `at`. Returns what went wrong."""
        began = self._clock.monotonic()
        job, target = self.job, self.target
        # the wall clock was set back: keep the order rather than lose the samples
        at = self._written_at = max(at, self._written_at + 1)
        scraped = kept = 0
        size = 0
        try:
            if target.refused:
                raise PeerError(target.refused)
            answer = await self._fetch(job, target)
            size = len(answer.body)
            reader = self._reader_of(choose_format(answer.content_type, job.fallback_format))
            reading = await self._sliced(reader.read(answer.body))
            scraped = len(reading.entries)
            before = self._series.plan
            plan = await self._planned(reading)
            kept = plan.kept
            if job.limits.samples and kept > job.limits.samples:
                raise ScrapeLimitError("sample limit exceeded")
            change = await self._sliced(compare_plans(before, plan)) if plan is not before else None
        except (PeerError, ExpositionError) as failure:
            if isinstance(failure, ScrapeLimitError) and failure.body_bytes:
                size = failure.body_bytes
            error = _sentence(failure)
            if not self.ended:
                duration = self._clock.monotonic() - began
                await self._sliced(self._series.fail(at, self._report(0, duration, scraped, kept, 0, size)))
                self._note(at, duration, error, self._last.samples)
            return error
        if self.ended:
            return None
        duration = self._clock.monotonic() - began
        reports = self._report(1, duration, scraped, kept, 0 if change is None else change.added, size)
        self.metadata = reading.metadata
        await self._sliced(self._series.write(at, plan, change, reading, reports, self._clock.now() + _AHEAD))
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

    async def _planned(self, reading: Reading[Labels | None]) -> RowPlan:
        stamps = reading.times if self.job.honor_timestamps else ()
        plan, reports = self._series.plan, self._series.reports
        if plan is not None and plan.fits(reading, stamps) and plan.reports == reports:
            return plan
        return await self._sliced(plan_rows(reading, frozenset(stamps), reports))

    async def _sliced(self, steps: Generator[None, None, R]) -> R:
        """The result of the steps; other tasks get their turn when they take long."""
        since = self._clock.monotonic()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                if self._clock.monotonic() - since > _BRIEF:
                    await self._clock.sleep(0)
                return cast("R", end.value)
            if self._clock.monotonic() - since > _HOLD:
                await self._clock.sleep(0)
                since = self._clock.monotonic()

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
