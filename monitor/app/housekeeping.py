"""Housekeeping: one table of cron-like jobs, each a plain function of the present instant.

In production APScheduler drives the table; in simulation the virtual loop may call the functions itself. Nothing that a
page depends on is such a job.
"""

from __future__ import annotations

import asyncio
import importlib
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
        self._scheduler: AsyncIOScheduler | None = None

    async def start(self) -> None:
        """Begin. The scheduler is imported in a thread: nobody waits for it, and the loop has better to do."""
        await asyncio.to_thread(importlib.import_module, "apscheduler.schedulers.asyncio")
        from apscheduler.schedulers.asyncio import AsyncIOScheduler
        from apscheduler.triggers.cron import CronTrigger

        self._scheduler = AsyncIOScheduler(timezone="UTC")
        for job in self._jobs:
            self._scheduler.add_job(
                self._run,
                CronTrigger.from_crontab(job.calendar, timezone="UTC"),
                args=[job],
                id=job.id,
                replace_existing=True,
                misfire_grace_time=None,
                coalesce=True,
            )
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler is not None and self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _run(self, job: CronJob) -> None:
        try:
            await job.work(self._clock.now())
        except Exception as error:  # noqa: BLE001 - one job's trouble is not the others'
            self._log.error("housekeeping failed", job=job.id, error=f"{type(error).__name__}: {error}")
