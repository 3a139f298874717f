"""Housekeeping: one table of jobs by the clock, each a plain function of the present instant.

Nothing that a page depends on is such a job. Hours of the day in UTC are all that they need, so no library drives them; the
cron expressions of maintenance windows are another matter (`calendar.cron`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from monitor.clock import Clock
from monitor.model.times import HOUR, Millis, Timestamp
from monitor.telemetry import Log

Work = Callable[[Timestamp], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row of the table."""

    id: str
    every: Millis
    """`HOUR` or `DAY`."""
    at: Millis
    """So long after the beginning of each, in UTC."""
    work: Work

    def after(self, now: Timestamp) -> Timestamp:
        """When it is due next."""
        return now - (now - self.at) % self.every + self.every


class Housekeeping:
    """Drives the table. A run that is late, because the machine slept or the loop was busy, is made up for once."""

    def __init__(self, jobs: Sequence[Job], clock: Clock, log: Log) -> None:
        self._jobs = tuple(jobs)
        self._clock = clock
        self._log = log

    async def run(self) -> None:
        """Run each job when it is due, one after the other, for ever."""
        now = self._clock.now()
        due = {job.id: job.after(now) for job in self._jobs}
        while True:
            # looked at each hour at least, for a clock that was set back
            await self._clock.sleep_until(min(*due.values(), now + HOUR))
            now = self._clock.now()
            for job in self._jobs:
                if due[job.id] <= now:
                    await self._run(job, now)
                    due[job.id] = job.after(self._clock.now())
                else:
                    due[job.id] = min(due[job.id], job.after(now))

    async def _run(self, job: Job, now: Timestamp) -> None:
        try:
            await job.work(now)
        except Exception as error:  # noqa: BLE001 - one job's trouble is not the others'
            self._log.error("housekeeping failed", job=job.id, error=f"{type(error).__name__}: {error}")
