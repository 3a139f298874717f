"""Jobs at certain hours: the calendar of each is one that APScheduler reads, and none fails at the expense of another."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from apscheduler.triggers.cron import CronTrigger

from monitor.app.housekeeping import CronJob, Housekeeping
from monitor.app.sample_upkeep import SampleUpkeep
from monitor.app.upkeep import Upkeep
from monitor.clock import Clock
from monitor.model.times import Timestamp
from monitor.simulate.world import Journal
from monitor.supervise import Supervisor


def _table() -> dict[str, CronJob]:
    """The daemon's own; nothing of it is run."""
    jobs = (*Upkeep.jobs(Upkeep.__new__(Upkeep)), *SampleUpkeep.jobs(SampleUpkeep.__new__(SampleUpkeep)))
    return {job.id: job for job in jobs}


@pytest.mark.parametrize(
    ("job", "first"),
    [("history", "03:17"), ("database", "03:47"), ("report", "06:00"), ("certificates", "00:07")],
)
def test_a_job_is_due_at_its_hour(job: str, first: str) -> None:
    """Of a day that has just begun, in UTC."""
    midnight = datetime(2026, 3, 29, tzinfo=UTC)
    due = CronTrigger.from_crontab(_table()[job].calendar, timezone="UTC").get_next_fire_time(None, midnight)
    assert due is not None
    assert (due.strftime("%H:%M"), due.date()) == (first, midnight.date())


async def test_one_that_fails_is_reported_and_breaks_nothing() -> None:
    """Its id and what went wrong."""

    async def fails(now: Timestamp) -> None:
        raise OSError("full")

    log = Journal()
    await Housekeeping([], Clock(), log).run(CronJob(id="fails", calendar="0 0 * * *", work=fails))
    assert log.lines == [("error", "housekeeping failed", {"job": "fails", "error": "OSError: full"})]


async def test_the_table_is_driven_until_the_daemon_stops() -> None:
    """What ends the daemon's tasks ends the scheduler."""
    supervisor = Supervisor(Clock(), lambda name, error: pytest.fail(f"{name}: {error}"))
    housekeeping = Housekeeping(list(_table().values()), Clock(), Journal())
    supervisor.keep("housekeeping", housekeeping.drive)
    async with asyncio.timeout(10):
        while not housekeeping.driven:
            await Clock().sleep(1)
    await supervisor.stop()
    assert not housekeeping.driven
