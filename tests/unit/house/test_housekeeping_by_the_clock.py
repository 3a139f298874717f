"""Jobs at certain hours: when they are due, made up for once, and none at the expense of another."""

from __future__ import annotations

import pytest

from monitor.app.housekeeping import Housekeeping, Job, Work
from monitor.clock import Clock
from monitor.model.times import DAY, HOUR, MINUTE, SECOND, Millis, Timestamp
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from monitor.supervise import Supervisor
from monitor.telemetry import DeferredLog


def _ignore(name: str, error: BaseException) -> None:
    return None


async def _nothing(now: Timestamp) -> None:
    return None


@pytest.mark.parametrize(
    ("every", "at", "now", "due"),
    [
        (DAY, 3 * HOUR, 2 * HOUR, 3 * HOUR),
        (DAY, 3 * HOUR, 3 * HOUR, 3 * HOUR + DAY),
        (DAY, 3 * HOUR, 3 * HOUR - 1, 3 * HOUR),
        (DAY, 3 * HOUR, 23 * HOUR, 3 * HOUR + DAY),
        (HOUR, 7 * MINUTE, 10 * HOUR + 8 * MINUTE, 11 * HOUR + 7 * MINUTE),
        (HOUR, 7 * MINUTE, 10 * HOUR, 10 * HOUR + 7 * MINUTE),
    ],
)
def test_a_job_is_due_at_its_minute(every: Millis, at: Millis, now: Timestamp, due: Timestamp) -> None:
    """The next one after now, never now."""
    assert Job(id="a", every=every, at=at, work=_nothing).after(now) == due


class World:
    """A table in virtual time; `ran` is what was run when."""

    def __init__(self, **jobs: tuple[Millis, Millis]) -> None:
        self.loop = VirtualLoop()
        self.time = VirtualTime(self.loop, 0)
        self.ran: list[tuple[str, Timestamp]] = []
        self.supervisor = Supervisor(self.time.clock, _ignore)
        self.table = [Job(id=id_, every=every, at=at, work=self._work(id_)) for id_, (every, at) in jobs.items()]

    def _work(self, id_: str) -> Work:
        async def work(now: Timestamp) -> None:
            self.ran.append((id_, now))
            if id_ == "fails":
                raise OSError("full")

        return work

    @property
    def clock(self) -> Clock:
        return self.time.clock

    async def live(self, span: Millis) -> None:
        housekeeping = Housekeeping(self.table, self.clock, DeferredLog("console", "info"))
        self.supervisor.keep("housekeeping", housekeeping.run)
        await self.clock.sleep(span)
        await self.supervisor.stop()


def test_each_job_runs_at_its_own_hours() -> None:
    """A day of a daily and an hourly one."""
    world = World(daily=(DAY, 3 * HOUR), hourly=(HOUR, 7 * MINUTE))
    run(world.live(DAY), world.loop)
    assert [at for id_, at in world.ran if id_ == "daily"] == [3 * HOUR]
    assert [at for id_, at in world.ran if id_ == "hourly"] == [hour * HOUR + 7 * MINUTE for hour in range(24)]


def test_one_that_fails_neither_ends_nor_delays_the_others() -> None:
    """And is run again when it is due next."""
    world = World(fails=(HOUR, MINUTE), works=(HOUR, MINUTE))
    run(world.live(2 * HOUR), world.loop)
    assert [id_ for id_, _ in world.ran] == ["fails", "works", "fails", "works"]


def test_a_machine_that_slept_makes_up_for_one_run() -> None:
    """Three days asleep are one report, not three."""
    world = World(daily=(DAY, 3 * HOUR))

    async def story() -> None:
        housekeeping = Housekeeping(world.table, world.clock, DeferredLog("console", "info"))
        world.supervisor.keep("housekeeping", housekeeping.run)
        await world.clock.sleep(HOUR)
        world.time.jump(3 * DAY)
        await world.clock.sleep(MINUTE)
        await world.supervisor.stop()

    run(story(), world.loop)
    assert len(world.ran) == 1


def test_a_clock_set_back_does_not_put_a_job_off_for_a_year() -> None:
    """It is due by the clock that people see now."""
    world = World(daily=(DAY, 3 * HOUR))

    async def story() -> None:
        world.time.jump(365 * DAY)
        housekeeping = Housekeeping(world.table, world.clock, DeferredLog("console", "info"))
        world.supervisor.keep("housekeeping", housekeeping.run)
        await world.clock.sleep(SECOND)
        world.time.jump(-HOUR)
        await world.clock.sleep(2 * DAY)
        await world.supervisor.stop()

    run(story(), world.loop)
    assert [at % DAY for _, at in world.ran] == [3 * HOUR, 3 * HOUR]
