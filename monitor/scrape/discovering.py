"""The discovery loop: looks for targets where jobs say, and hands the jobs on with what was found.

Each mechanism of each job is looked at on its own, one look at a time. A look that fails keeps what was known before; so
does a source within a look. What changed is handed on at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from monitor.clock import Clock, Wakeup
from monitor.model.errors import BugError, PeerError
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.scrape.discovery import Found
from monitor.scrape.jobs import Mechanism, ScrapeJob, TargetGroup

_LONGEST_NAP: Final[Millis] = 30 * 1000
_DEADLINE: Final[Millis] = MINUTE
"""For one look, whatever its kind allows itself."""


class Finder(Protocol):
    """Looks for targets; one for each kind of mechanism."""

    async def find(self, options: Any, last: Mapping[str, tuple[TargetGroup, ...]]) -> Found:
        """What is there now; `last` is what the former look found, by source. Raises PeerError when nothing can be said."""
        ...


class Discovering:
    """All mechanisms of all jobs. `run` is to be kept running; `start(name, coroutine)` starts a supervised task."""

    def __init__(
        self,
        *,
        finders: Mapping[type, Finder],
        clock: Clock,
        start: Callable[[str, Coroutine[None, None, None]], object],
        found: Callable[[Sequence[ScrapeJob]], None],
        failed: Callable[[str, str], None],
    ) -> None:
        """`found` gets all jobs whenever the groups of one have changed; `failed` is told the job and a new problem."""
        self._finders = finders
        self._clock = clock
        self._start = start
        self._hand_on = found
        self._failed = failed
        self._jobs: tuple[ScrapeJob, ...] = ()
        self._looks: dict[tuple[str, Mechanism], _Look] = {}
        self._changed = Wakeup()

    def __repr__(self) -> str:
        return f"Discovering(jobs={len(self._jobs)}, mechanisms={len(self._looks)})"

    def apply(self, jobs: Sequence[ScrapeJob]) -> None:
        """Look for the targets of these jobs from now on. What is known of a mechanism that stays is kept."""
        self._jobs = tuple(jobs)
        wanted = {(job.name, mechanism): None for job in jobs for mechanism in job.discover}
        self._looks = {key: self._looks.get(key) or _Look() for key in wanted}
        self._publish()
        self._changed.set()

    def problems(self) -> Mapping[str, tuple[str, ...]]:
        """By job, what could not be looked at last time."""
        found: dict[str, tuple[str, ...]] = {}
        for (job, _), look in self._looks.items():
            if look.problems:
                found[job] = (*found.get(job, ()), *look.problems)
        return found

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            now = self._clock.now()
            for (job, mechanism), look in self._looks.items():
                if look.due > now + mechanism.refresh:
                    look.due = now  # the wall clock was set back
                if look.due <= now and not look.busy:
                    look.busy = True
                    look.due = now + mechanism.refresh
                    self._start(f"discover {job}", self._look(job, mechanism, look))
            due = min((look.due for look in self._looks.values()), default=None)
            await self._clock.wait(self._changed, None if due is None else min(due, now + _LONGEST_NAP))

    async def _look(self, job: str, mechanism: Mechanism, look: _Look) -> None:
        finder = self._finders.get(type(mechanism))
        if finder is None:
            raise BugError(f"nobody finds {type(mechanism).__name__}")
        try:
            async with asyncio.timeout(_DEADLINE / 1000):
                found = await finder.find(mechanism, look.found.sources)
        except TimeoutError:
            found = Found(look.found.sources, ("no answer within a minute",))
        except PeerError as error:
            found = Found(look.found.sources, (str(error),))
        finally:
            look.busy = False
        if self._looks.get((job, mechanism)) is not look:
            return
        for problem in found.problems:
            if problem not in look.problems:
                self._failed(job, problem)
        look.problems = found.problems
        changed = found.groups != look.found.groups
        look.found = found
        if changed:
            self._publish()

    def _publish(self) -> None:
        self._hand_on(
            [
                replace(job, groups=(*job.groups, *(group for one in job.discover for group in self._of(job, one))))
                if job.discover
                else job
                for job in self._jobs
            ]
        )

    def _of(self, job: ScrapeJob, mechanism: Mechanism) -> tuple[TargetGroup, ...]:
        return self._looks[job.name, mechanism].found.groups


class _Look:
    """One mechanism of one job."""

    __slots__ = ("busy", "due", "found", "problems")

    def __init__(self) -> None:
        self.due: Timestamp = 0
        self.busy = False
        self.found = Found({})
        self.problems: tuple[str, ...] = ()
