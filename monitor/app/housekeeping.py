"""Housekeeping: one table of cron-like jobs, each a plain function of the present instant.

In production APScheduler drives the table; in simulation the virtual loop may call the functions itself. Nothing that a
page depends on is such a job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.clock import Clock
from monitor.model.times import Timestamp
from monitor.telemetry import Log

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

Work = Callable[[Timestamp], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CronJob:
    """One row of the table."""

    id: str
    calendar: str
    """Five fields of cron, UTC."""
    work: Work


class Housekeeping:
    """Drives the table with APScheduler. A late run is made up for, once."""

    def __init__(self, jobs: Sequence[CronJob], clock: Clock, log: Log) -> None:
        self._jobs = tuple(jobs)
        self._clock = clock
        self._log = log
        self.driven = False

    async def drive(self) -> None:
        """Until cancelled."""
        scheduler = await asyncio.to_thread(self._scheduler)
        scheduler.start()
        self.driven = True
        try:
            await asyncio.Event().wait()
        finally:
            self.driven = False
            scheduler.shutdown(wait=False)

    async def run(self, job: CronJob) -> None:
        """Run one of them now. What it raises is reported: one job's trouble is not the others'."""
        try:
            await job.work(self._clock.now())
        except Exception as error:  # noqa: BLE001 - reported
            self._log.error("housekeeping failed", job=job.id, error=f"{type(error).__name__}: {error}")

    def _scheduler(self) -> AsyncIOScheduler:
        """Not yet started. To import what it needs takes 20 ms: no start waits for that, and no loop is held by it."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler
        from apscheduler.triggers.cron import CronTrigger

        scheduler = AsyncIOScheduler(timezone="UTC")
        for job in self._jobs:
            scheduler.add_job(
                self.run,
                CronTrigger.from_crontab(job.calendar, timezone="UTC"),
                args=[job],
                id=job.id,
                replace_existing=True,
                misfire_grace_time=None,
                coalesce=True,
            )
        return scheduler
