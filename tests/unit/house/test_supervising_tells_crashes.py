"""Tasks that crash: told, remembered for as long as they are down, and no longer."""

from __future__ import annotations

from monitor.model.times import SECOND
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from monitor.supervise import Supervisor


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
        assert supervisor.crashed == {"save": "OSError: full"}
        await supervisor.start("other", _succeeds())
        assert list(supervisor.crashed) == ["save"]
        await supervisor.start("save", _succeeds())
        assert not supervisor.crashed

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
