"""Tasks that crash: told, remembered for as long as they are down, and no longer."""

from __future__ import annotations

import asyncio

from monitor.app.health import Health
from monitor.model.checks import HealthState
from monitor.model.times import DAY, MINUTE, SECOND
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from monitor.state.database import Database, Inline
from monitor.supervise import Supervisor
from monitor.tsdb.store import SampleStore


def _ignore(name: str, error: BaseException) -> None:
    return None


async def _fails() -> None:
    raise OSError("full")


async def _succeeds() -> None:
    return None


def test_a_crash_is_forgotten_when_the_same_work_succeeds() -> None:
    """/health would otherwise be red for ever after one bad moment."""
    loop = VirtualLoop()
    time = VirtualTime(loop, 0)
    told: list[str] = []
    supervisor = Supervisor(time.clock, lambda name, _: told.append(name))

    async def story() -> None:
        await supervisor.start("save", _fails())
        assert supervisor.failed == {"save": "OSError: full"}
        await supervisor.start("other", _succeeds())
        assert list(supervisor.failed) == ["save"]
        await supervisor.start("save", _succeeds())
        assert not supervisor.failed

    run(story(), loop)
    assert told == ["save"]


def test_a_kept_task_is_begun_again_after_a_pause() -> None:
    """Down for the pause only."""
    loop = VirtualLoop()
    time = VirtualTime(loop, 0)
    supervisor = Supervisor(time.clock, _ignore)
    begun: list[int] = []

    async def fails_twice() -> None:
        begun.append(time.now())
        if len(begun) < 3:
            raise OSError("full")

    async def story() -> None:
        task = supervisor.keep("work", fails_twice)
        await time.clock.sleep(SECOND // 2)
        assert "work" in supervisor.crashed
        await task
        assert not supervisor.crashed

    run(story(), loop)
    assert begun == [0, SECOND, 3 * SECOND]


def test_what_ran_once_and_broke_is_told_for_ten_minutes() -> None:
    """Nothing of the name `send #17` will ever succeed."""
    loop = VirtualLoop()
    time = VirtualTime(loop, 0)
    supervisor = Supervisor(time.clock, _ignore)

    async def story() -> None:
        for number in range(30):
            await supervisor.start(f"send #{number}", _fails())
        assert list(supervisor.failed) == [f"send #{number}" for number in range(10, 30)]
        await time.clock.sleep(9 * MINUTE)
        assert supervisor.failed
        await time.clock.sleep(MINUTE)
        assert not supervisor.failed
        assert not supervisor.crashed

    run(story(), loop)


def test_a_kept_task_that_is_given_up_leaves_no_mark() -> None:
    """A rule group that a reload removes while it is down is no longer down."""
    loop = VirtualLoop()
    time = VirtualTime(loop, 0)
    supervisor = Supervisor(time.clock, _ignore)

    async def story() -> None:
        task = supervisor.keep("rules/gone", _fails)
        await time.clock.sleep(SECOND // 2)
        assert "rules/gone" in supervisor.crashed
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not supervisor.crashed

    run(story(), loop)


def test_only_loops_that_decide_make_the_daemon_unhealthy() -> None:
    """An orchestrator that restarts the pager for one broken send makes an outage worse."""
    loop = VirtualLoop()
    time = VirtualTime(loop, DAY)
    supervisor = Supervisor(time.clock, _ignore)

    async def story() -> None:
        database = Database.open(None, Inline())
        health = Health(version="1", supervisor=supervisor, database=database, store=SampleStore.in_memory(DAY))
        health.ready = True

        async def status() -> HealthState:
            return (await health.report(time.now())).status

        assert await status() is HealthState.HEALTHY
        await supervisor.start("send user:ana/slack #17", _fails())
        assert await status() is HealthState.DEGRADED
        await time.clock.sleep(10 * MINUTE)
        assert await status() is HealthState.HEALTHY
        for name, expected in (
            ("host", HealthState.DEGRADED),
            ("oncall", HealthState.UNHEALTHY),
            ("deliver slack", HealthState.UNHEALTHY),
            ("rules/early", HealthState.UNHEALTHY),
        ):
            task = supervisor.keep(name, _fails)
            await time.clock.sleep(SECOND // 2)
            assert await status() is expected, name
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await database.close()

    run(story(), loop)
