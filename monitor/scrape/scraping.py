"""The scrape loop: asks every target in its slot and writes what it answers, or that it did not.

One loop keeps one heap of due times and sleeps until the first. What a target answers comes by a callback and is read in the
next turn, with other answers that have come: a task for each scrape would cost as much as reading a small answer does. A
target keeps its slot in the interval over reloads and restarts. Samples carry the time of the slot when the scrape began within
two milliseconds of it, else the time it began.

Every scrape leaves a trace, good or not (`scraped.py`). When a target is taken away its series end; none ends at shutdown,
after which the same series go on. Source: prometheus scrape/scrape.go.

A turn takes two milliseconds, whatever has come, and there is one in a round of the loop. An answer that is not read in a turn
is put behind the others of its kind; those have every second turn, so that neither a large answer nor many small ones keep the
rest waiting.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

from monitor.clock import Clock, Wakeup
from monitor.columns.sink import SampleSink
from monitor.model.errors import PeerError
from monitor.model.labels import Labels
from monitor.model.times import SECOND, Millis, Timestamp
from monitor.scrape.exposition.reading import Metadata
from monitor.scrape.exposition.together import ENOUGH, Renewal, renew_together
from monitor.scrape.jobs import ScrapeJob
from monitor.scrape.scraped import Answer, KeepExemplar, Outcome, ScrapedTarget, TargetStatus
from monitor.scrape.targets import Target, TargetSet, gathered, next_due, offset_of, targets_of, without_clashes

_SNAP: Final[Millis] = 2
"""A scrape that begins so close after its slot carries the slot's time."""
_HOLD: Final = 0.002
"""Seconds of reading before other tasks get their turn."""
_LONGEST_NAP: Final[Millis] = 30 * SECOND
"""A wall clock that was set back is noticed within this."""

Told: TypeAlias = Outcome | Awaitable[Answer]
"""What came of asking: an answer, what went wrong, or what is still to be awaited for one of them."""


class Fetch(Protocol):
    """Asks targets."""

    def ask(self, job: ScrapeJob, target: Target, done: Callable[[Told], None]) -> None:
        """`done` is called once, perhaps before this returns, within the target's timeout. PeerError stands for no answer,
        ScrapeLimitError for a body that is over the job's limit; what is awaited raises them."""
        ...


class OnScrape(Protocol):
    """Told after each scrape, when its samples are in the store."""

    def __call__(self, job: str, target: Labels, at: Timestamp, error: str | None) -> None:
        """`at` is the samples' time; `error` says why the scrape failed. Must not block."""
        ...


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer that is being read."""

    scrape: ScrapedTarget
    at: Timestamp
    """Of its samples."""
    steps: Generator[Renewal | None, None, str | None]


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
        self._scrapes: dict[tuple[str, Labels], ScrapedTarget] = {}
        self._heap: list[tuple[Timestamp, int, ScrapedTarget]] = []
        self._order = 0
        self._changed = Wakeup()
        self._answered: deque[_Answered] = deque()
        """What is to be read in the next turn."""
        self._begun: deque[_Answered] = deque()
        """Those of them whose first step was taken."""
        self._unfinished: deque[_Answered] = deque()
        """Those that a turn was too short for."""
        self._unfinished_next = False
        self._turn: asyncio.Handle | None = None

    def __repr__(self) -> str:
        return f"Scraping(jobs={len(self._jobs)}, targets={len(self._scrapes)}, unread={self.unread})"

    @property
    def unread(self) -> int:
        """Answers that have come and are still to be read, or read further."""
        return len(self._answered) + len(self._begun) + len(self._unfinished)

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
                scrape = self._scrapes[key] = ScrapedTarget(job, target, self._sink, self._clock, self._exemplars)
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
                    self._ask(scrape, due if now - due <= _SNAP else now)
            nap = now + _LONGEST_NAP
            await self._clock.wait(self._changed, min(self._heap[0][0], nap) if self._heap else None)

    def close(self) -> None:
        """Let go of all series without ending them: after a restart they go on. Call it when `run` is cancelled."""
        if self._turn is not None:
            self._turn.cancel()
        self._answered.clear()
        self._begun.clear()
        self._unfinished.clear()
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

    def _ask(self, scrape: ScrapedTarget, at: Timestamp) -> None:
        """Scrape once, for the time `at`."""
        scrape.busy = True
        began = self._clock.monotonic()

        def done(told: Told) -> None:
            if isinstance(told, Awaitable):
                self._start(f"scrape {scrape.target.url}", self._await(scrape, told, done))
            elif not scrape.ended:
                self._answered.append(_Answered(scrape, at, scrape.take(at, began, told)))
                if self._turn is None:
                    self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

        try:
            if scrape.target.refused:
                done(PeerError(scrape.target.refused))
            else:
                self._fetch.ask(scrape.job, scrape.target, done)
        except Exception as error:  # noqa: BLE001 - raised again where it is reported
            self._broke(scrape, error)

    async def _await(self, scrape: ScrapedTarget, told: Awaitable[Answer], done: Callable[[Told], None]) -> None:
        """For what no callback answers."""
        try:
            outcome: Outcome = await told
        except PeerError as error:
            outcome = error
        except BaseException:
            scrape.busy = False
            raise
        done(outcome)

    def _take_turn(self) -> None:
        """Read answers for as long as a turn may take."""
        self._turn = None
        if self._unfinished and (self._unfinished_next or not (self._answered or self._begun)):
            self._unfinished_next = False
            self._go_on(self._unfinished.popleft())
        else:
            self._unfinished_next = True
            self._read_new()
        if self.unread and self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _read_new(self) -> None:
        monotonic = self._clock.monotonic
        until = monotonic() + _HOLD
        while True:
            if not self._begun:
                self._begin(monotonic() + _HOLD)
            if self._begun:
                self._go_on(self._begun.popleft())
            if not (self._answered or self._begun) or monotonic() >= until:
                return

    def _go_on(self, answered: _Answered) -> None:
        """Read an answer for no longer than a turn; not that of a target that is gone."""
        if answered.scrape.ended:
            answered.steps.close()
            return
        try:
            if not self._read(answered, self._clock.monotonic() + _HOLD):
                self._unfinished.append(answered)
        except Exception as error:  # noqa: BLE001 - raised again where it is reported
            self._broke(answered.scrape, error)

    def _begin(self, until: float) -> None:
        """Begin with some of the answers, one at least: until then, and as many as are read in a fraction of a turn. What they
        have to compare is compared."""
        asked: list[Renewal] = []
        lines = 0
        while self._answered and lines < ENOUGH:
            answered = self._answered.popleft()
            if answered.scrape.ended:
                continue
            try:
                try:
                    first = next(answered.steps)
                except StopIteration as end:
                    self._finish(answered, end.value)
                else:
                    self._begun.append(answered)
                    if first is None:
                        break  # a new layout takes its time
                    asked.append(first)
                    lines += first.lines
            except Exception as error:  # noqa: BLE001 - raised again where it is reported
                self._broke(answered.scrape, error)
            if self._clock.monotonic() >= until:
                break
        if len(asked) > 1:
            try:
                renew_together(asked)
            except Exception as error:  # noqa: BLE001 - raised again where it is reported
                for answered in self._begun:
                    self._broke(answered.scrape, error)
                self._begun.clear()

    def _read(self, answered: _Answered, until: float) -> bool:
        """Take steps until then; was the last one taken?"""
        monotonic, steps = self._clock.monotonic, answered.steps
        try:
            while monotonic() < until:
                next(steps)
        except StopIteration as end:
            self._finish(answered, end.value)
            return True
        return False

    def _finish(self, answered: _Answered, error: str | None) -> None:
        scrape = answered.scrape
        scrape.busy = False
        if self._on_scrape is not None and not scrape.ended:
            self._on_scrape(scrape.job.name, scrape.target.labels, answered.at, error)

    def _broke(self, scrape: ScrapedTarget, error: Exception) -> None:
        """A mistake of ours: told as that of a task; the target is scraped again in its next slot."""
        scrape.busy = False
        self._start(f"scrape {scrape.target.url}", _raise(error))

    def _push(self, scrape: ScrapedTarget) -> None:
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


async def _raise(error: Exception) -> None:
    raise error
