"""What a scrape costs beside its samples: a hundred targets with a thousand series each, answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from monitor.clock import Clock
from monitor.model.labels import Labels
from monitor.model.times import HOUR, Timestamp
from monitor.scrape.jobs import ScrapeJob, TargetGroup
from monitor.scrape.scraped import Answer
from monitor.scrape.scraping import Scraping, Told
from monitor.scrape.targets import Target
from monitor.tsdb.store import SampleStore
from tests.benchmarks.figures import Figure, cpu_of

_TARGETS = 100
_SERIES = 1_000
_INTERVAL = 5_000


def measure() -> list[Figure]:
    """From the answer to the store, all targets once; three in five of the samples have moved."""
    with asyncio.Runner() as runner:
        world = _World()
        cost = cpu_of(lambda: runner.run(world.round()), count=_TARGETS)
    return [
        Figure(name="scrape", value=cost, unit="us", what="take and store the answer of a target with 1,000 series")
    ]


class _World:
    """Targets that answer at once; implements `scraping.Fetch`."""

    def __init__(self) -> None:
        self._now: Timestamp = 1_000_000
        self._turn = 0
        self._bodies = [_body(turn) for turn in range(8)]
        self._left = 0
        self._done = asyncio.Event()
        self._scraping = Scraping(
            sink=SampleStore.in_memory(HOUR),
            clock=Clock(lambda: self._now),
            fetch=self,
            start=self._start,
            on_scrape=self._scraped,
        )
        addresses = tuple(f"host{number}:1" for number in range(_TARGETS))
        job = ScrapeJob(name="j", interval=_INTERVAL, timeout=_INTERVAL, groups=(TargetGroup(addresses=addresses),))
        self._scraping.apply([job])

    def ask(self, job: ScrapeJob, target: Target, done: Callable[[Told], None]) -> None:
        done(Answer(body=self._bodies[self._turn % len(self._bodies)], content_type="text/plain; version=0.0.4"))

    async def round(self) -> None:
        """Every target once."""
        self._now += _INTERVAL
        self._turn += 1
        self._left = _TARGETS
        async with asyncio.TaskGroup() as self._tasks:
            running = self._tasks.create_task(self._scraping.run())
            await self._done.wait()
            self._done.clear()
            running.cancel()

    def _start(self, name: str, work: Coroutine[None, None, None]) -> object:
        return self._tasks.create_task(work, name=name)

    def _scraped(self, job: str, target: Labels, at: Timestamp, error: str | None) -> None:
        assert error is None
        self._left -= 1
        if not self._left:
            self._done.set()


def _body(turn: int) -> bytes:
    lines = [
        f'requests_total{{path="/p{number}",code="200",method="GET"}} {number * 7 + (turn if number % 5 < 3 else 0)}'
        for number in range(_SERIES)
    ]
    return ("# TYPE requests_total counter\n" + "\n".join(lines) + "\n").encode()
