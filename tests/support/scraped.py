"""A scripted world for the scrape loop: answers by URL, a sink that holds its contract, a wall clock that is set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.clock import Clock
from monitor.columns.nans import MISSING_BITS
from monitor.model.errors import BugError, PeerError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import is_stale
from monitor.model.times import Timestamp
from monitor.scrape.jobs import ScrapeJob
from monitor.scrape.scraped import Answer
from monitor.scrape.scraping import Fetch, Scraping, Told
from monitor.scrape.targets import Target
from tests.support import sinks

TEXT = "text/plain; version=0.0.4"


class FakeSink(sinks.FakeSink):
    """Keeps all samples and refuses what the contract of SampleSink forbids, of each series for itself."""

    def open(self, labels: Sequence[Labels]) -> FakeWriter:
        writer = FakeWriter(self)
        writer.replace(labels)
        return writer

    def put(self, labels: Labels, at: Timestamp, value: float) -> None:
        points = self.samples.setdefault(labels, [])
        assert not points or points[-1][0] < at, f"{labels} goes back from {points[-1][0]} to {at}"
        points.append((at, value))

    def shown(self, name: str, **labels: str) -> list[tuple[Timestamp, float | str]]:
        """The samples of the one series with this name and these labels among its own; a stale marker is `stale`."""
        wanted = {METRIC_NAME: name, **labels}.items()
        found = [series for series in self.samples if wanted <= dict(series.pairs).items()]
        assert len(found) <= 1, f"ambiguous: {found}"
        return [(at, "stale" if is_stale(value) else value) for series in found for at, value in self.samples[series]]


class FakeWriter:
    """One frame's writer."""

    def __init__(self, sink: FakeSink) -> None:
        self.sink = sink
        self.labels: tuple[Labels, ...] = ()
        self.closed = False

    def append(self, at: Timestamp, values: NDArray[np.float64] | Sequence[float]) -> None:
        assert not self.closed
        row = np.asarray(values, dtype=np.float64)
        assert row.shape == (len(self.labels),)
        for labels, value, raw in zip(self.labels, row.tolist(), row.view(np.uint64).tolist(), strict=True):
            if raw != MISSING_BITS:
                self.sink.put(labels, at, value)

    def replace(self, labels: Sequence[Labels]) -> None:
        assert len(set(labels)) == len(labels), "a series comes twice"
        for gone in set(self.labels) - set(labels):
            assert is_stale(self.sink.samples[gone][-1][1]), f"{gone} went without a stale marker"
        new = set(labels) - set(self.labels)
        assert not new & self.sink.open_series, "a series is open in two writers"
        self.sink.open_series -= set(self.labels)
        self.sink.open_series |= set(labels)
        self.labels = tuple(labels)

    def replacing(self, labels: Sequence[Labels]) -> Generator[None, None, None]:
        yield
        if not self.closed:
            self.replace(labels)

    def close(self, at: Timestamp | None) -> None:
        if at is not None:
            for labels in self.labels:
                self.sink.put(labels, at, float(np.array([0x7FF0000000000002], dtype=np.uint64).view(np.float64)[0]))
        self.sink.open_series -= set(self.labels)
        self.labels = ()
        self.closed = True


class FakeFetch:
    """Answers from a table; a URL that is not in it refuses the connection. `slow`: what it tells has to be awaited."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | PeerError] = {}
        self.asked: list[str] = []
        self.slow = False
        self.late: list[Callable[[], None]] | None = None
        """What answers, when it is called; None: answers come at once."""

    def ask(self, job: ScrapeJob, target: Target, done: Callable[[Told], None]) -> None:
        self.asked.append(target.url)
        if self.late is not None:
            self.late.append(lambda: done(self._of(target)))
            return
        done(self._awaited(target) if self.slow else self._of(target))

    def _of(self, target: Target) -> Answer | PeerError:
        return self.answers.get(target.url, PeerError("connection refused"))

    async def _awaited(self, target: Target) -> Answer:
        await asyncio.sleep(0)
        answer = self._of(target)
        if isinstance(answer, PeerError):
            raise answer
        return answer


async def answer_of(fetch: Fetch, job: ScrapeJob, target: Target) -> Answer:
    """What a target answers. Raises PeerError."""
    told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
    fetch.ask(job, target, told.set_result)
    answer = await told
    if isinstance(answer, PeerError):
        raise answer
    return answer if isinstance(answer, Answer) else await answer


class SlowClock(Clock):
    """On which a millisecond goes by with every look: what is done in turns takes many of them on any machine."""

    def __init__(self, wall: Callable[[], Timestamp]) -> None:
        super().__init__(wall)
        self._looks = 0

    def monotonic(self) -> float:
        self._looks += 1
        return self._looks / 1000


class WorkClock(Clock):
    """On which time goes by with work alone: a millisecond for each answer that was read."""

    def __init__(self, wall: Callable[[], Timestamp]) -> None:
        super().__init__(wall)
        self.done = 0

    def monotonic(self) -> float:
        return self.done / 1000


class ScrapeWorld:
    """A Scraping with fakes around it. `tell` scripts an answer, `go` moves the wall clock and lets all that is due run."""

    def __init__(self, start: Timestamp = 1_000_000, clock: type[Clock] = Clock) -> None:
        self.wall = start
        self.sink = FakeSink()
        self.fetch = FakeFetch()
        self.told: list[tuple[str, Timestamp, str | None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.clock = clock(lambda: self.wall)
        self.scraping = Scraping(
            sink=self.sink,
            clock=self.clock,
            fetch=self.fetch,
            start=self._start,
            on_scrape=self._scraped,
        )
        self.listener_breaks = False

    def tell(self, body: str | PeerError, url: str = "http://a:1/metrics", content_type: str | None = TEXT) -> None:
        """The target's answer from now on."""
        self.fetch.answers[url] = (
            body if isinstance(body, PeerError) else Answer(body=body.encode(), content_type=content_type)
        )

    async def go(self, to: Timestamp) -> None:
        """It is `to` now; everything due by then is done when this returns."""
        self.wall = to
        loop = asyncio.create_task(self.scraping.run())
        await asyncio.sleep(0)
        try:
            await self.settle()
        finally:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)

    async def stop_after_a_turn(self, to: Timestamp) -> int:
        """It is `to` now; the loop is shut down when it has read for one turn. How many answers it had told of by then."""
        self.wall = to
        loop = asyncio.create_task(self.scraping.run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        loop.cancel()
        self.scraping.close()
        told = len(self.told)
        await asyncio.gather(loop, return_exceptions=True)
        return told

    async def slot(self) -> Timestamp:
        """Go to the next slot of the first target and return it."""
        due = min(item[0] for item in self.scraping.due_times())
        await self.go(due)
        return due

    async def settle(self) -> None:
        """Wait until every answer is read and every task started has ended, whatever comes of some; then the first of their
        errors comes up here."""
        await asyncio.sleep(0)
        errors: list[BaseException] = []
        while self._tasks or self.scraping.unread:
            tasks, self._tasks = self._tasks, []
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            errors += [one for one in ended if one is not None]
            await asyncio.sleep(0)
        for error in errors[:1]:
            raise error

    def _scraped(self, job: str, target: Labels, at: Timestamp, error: str | None) -> None:
        if self.listener_breaks:
            raise BugError("the listener is broken")
        self.told.append((job, at, error))
        if isinstance(self.clock, WorkClock):
            self.clock.done += 1

    def _start(self, name: str, coroutine: Coroutine[None, None, None]) -> None:
        self._tasks.append(asyncio.create_task(coroutine, name=name))
