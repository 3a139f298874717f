"""A scripted world for the discovery loop: answers by mechanism, a wall clock that is set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass

from monitor.clock import Clock
from monitor.model.errors import PeerError
from monitor.model.times import SECOND, Millis, Timestamp
from monitor.scrape.discovering import Discovering
from monitor.scrape.discovery import Found, Groups
from monitor.scrape.jobs import ScrapeJob


@dataclass(frozen=True, slots=True)
class Scripted:
    """A mechanism whose finder says what the test wants."""

    name: str
    refresh: Millis = 30 * SECOND


class DiscoveryWorld:
    """A Discovering with a clock that is set by hand."""

    def __init__(self) -> None:
        self.wall: Timestamp = 1_000_000
        self.answers: dict[str, Found | PeerError] = {}
        self.asked: list[tuple[Timestamp, str]] = []
        self.handed: list[tuple[ScrapeJob, ...]] = []
        self.failed: list[tuple[str, str]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.discovering = Discovering(
            finders={Scripted: self},
            clock=Clock(lambda: self.wall),
            start=self._start,
            found=lambda jobs: self.handed.append(tuple(jobs)),
            failed=lambda job, problem: self.failed.append((job, problem)),
        )

    async def find(self, options: Scripted, last: Mapping[str, Groups]) -> Found:
        self.asked.append((self.wall, options.name))
        answer = self.answers.get(options.name, Found({}))
        if isinstance(answer, PeerError):
            raise answer
        return answer

    def addresses(self) -> dict[str, list[str]]:
        """Of the jobs as they were handed on last."""
        return {job.name: [one for found in job.groups for one in found.addresses] for job in self.handed[-1]}

    async def go(self, to: Timestamp) -> None:
        """It is `to` now, and every look that is due has been taken when this returns."""
        self.wall = to
        loop = asyncio.create_task(self.discovering.run())
        await asyncio.sleep(0)
        while self._tasks:
            await asyncio.gather(*[self._tasks.pop() for _ in list(self._tasks)])
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)

    def _start(self, name: str, coroutine: Coroutine[None, None, None]) -> None:
        self._tasks.append(asyncio.create_task(coroutine, name=name))
