"""Virtual time: it jumps, it repeats itself, and it tells when nothing will ever happen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from monitor.clock import Jumps, Wakeup
from monitor.model.errors import BugError
from monitor.model.times import HOUR, MINUTE
from monitor.simulate.loop import DeadlockError, VirtualLoop, VirtualTime, run
from monitor.simulate.stories import Story
from monitor.simulate.tellings import page
from monitor.simulate.world import START, World
from tests.support.story_files import story_configuration


def test_time_jumps_to_the_next_timer() -> None:
    """An hour of sleep takes no time, and wall and monotonic time agree on it."""
    loop = VirtualLoop()
    time = VirtualTime(loop, START)

    async def story() -> tuple[int, float]:
        await time.clock.sleep(HOUR)
        return time.now(), time.clock.monotonic()

    assert run(story(), loop) == (START + HOUR, 3600.0)


def test_waiting_for_nothing_is_a_deadlock() -> None:
    """Nobody waits for ever in silence."""

    async def story() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run(story(), VirtualLoop())


@pytest.mark.parametrize("span", [HOUR, -HOUR], ids=["forward", "back"])
def test_jumps_of_the_wall_clock_are_told_once(span: int) -> None:
    """Passing time is no jump; a step of the wall clock is one, by its length."""
    loop = VirtualLoop()
    time = VirtualTime(loop, START)

    async def story() -> list[int]:
        jumps = Jumps(time.clock)
        told = [jumps.since_last()]
        await time.clock.sleep(MINUTE)
        told.append(jumps.since_last())
        time.jump(span)
        await time.clock.sleep(MINUTE)
        told += [jumps.since_last(), jumps.since_last()]
        return told

    assert run(story(), loop) == [0, 0, span, 0]


def test_a_wait_ends_early_when_the_clock_is_set_back() -> None:
    """What was to come in a minute must not come in an hour: the waiter looks again within half a minute."""
    loop = VirtualLoop()
    time = VirtualTime(loop, START)

    async def story() -> tuple[bool, float]:
        loop.call_later(10, time.jump, -HOUR)
        ended = await time.clock.wait(Wakeup(), START + MINUTE)
        return ended, time.clock.monotonic()

    assert run(story(), loop) == (False, 30.0)


@pytest.mark.parametrize(
    ("news", "ended"),
    [((0.0,), (True, 0.0)), ((20.0,), (True, 20.0)), ((60.0,), (True, 60.0)), ((), (False, 60.0))],
)
def test_no_news_is_lost(news: tuple[float, ...], ended: tuple[bool, float]) -> None:
    """Whether it comes before the wait, in it, or in the very moment in which it ends; and it is told once."""
    loop = VirtualLoop()
    time = VirtualTime(loop, START)

    async def story() -> tuple[tuple[bool, float], bool]:
        wakeup = Wakeup()
        for at in news:
            loop.call_at(at, wakeup.set)
        await asyncio.sleep(0)  # noqa: TID251 - what comes at once has come
        first = await time.clock.wait(wakeup, START + MINUTE), time.clock.monotonic()
        return first, await time.clock.wait(wakeup, time.now() + MINUTE)

    assert run(story(), loop) == (ended, False)


def test_a_second_task_that_waits_for_one_wakeup_is_a_mistake() -> None:
    """It would never be woken; the first goes on waiting."""
    loop = VirtualLoop()
    time = VirtualTime(loop, START)

    async def story() -> bool:
        wakeup = Wakeup()
        first = asyncio.create_task(time.clock.wait(wakeup, START + MINUTE))  # noqa: TID251 - the test's own
        await asyncio.sleep(0)  # noqa: TID251 - it waits
        with pytest.raises(BugError, match="two tasks"):
            await time.clock.wait(wakeup, START + MINUTE)
        wakeup.set()
        return await first

    assert run(story(), loop)


def test_a_task_may_wait_in_the_place_of_one_that_was_just_cancelled() -> None:
    """Though that one has not noticed yet: its end takes nothing from the other."""
    loop = VirtualLoop()
    time = VirtualTime(loop, START)

    async def story() -> tuple[bool, float]:
        wakeup = Wakeup()
        first = asyncio.create_task(time.clock.wait(wakeup, START + MINUTE))  # noqa: TID251 - the test's own
        await asyncio.sleep(0)  # noqa: TID251 - it waits
        first.cancel()
        loop.call_later(20, wakeup.set)
        return await time.clock.wait(wakeup, START + MINUTE), time.clock.monotonic()

    assert run(story(), loop) == (True, 20.0)


def test_a_wait_that_is_cancelled_leaves_its_wakeup_for_the_next() -> None:
    """And no timer that would end another's wait."""
    loop = VirtualLoop()
    time = VirtualTime(loop, START)

    async def story() -> tuple[bool, float]:
        wakeup = Wakeup()
        cut_off = loop.create_task(time.clock.wait(wakeup, START + MINUTE))
        await time.clock.sleep(1)
        cut_off.cancel()
        ended = await time.clock.wait(wakeup, START + 2 * MINUTE)
        return ended, time.clock.monotonic()

    assert run(story(), loop) == (False, 120.0)


def test_a_story_repeats_itself_exactly(tmp_path: Path) -> None:
    """Two plays with one seed tell the same people the same things, ids included."""

    def play() -> list[tuple[int, str, str]]:
        story = Story(story_configuration(tmp_path), seed=7)
        story.at("0s").down("api")
        story.at("2s50ms").expect(page("ana"))
        heard = story.until("4m").expect_nothing().world.heard
        return [(one.at, one.who, one.message.incident.id if one.message.incident else "") for one in heard]

    first = play()
    assert len(first) == 1
    assert first == play()


def test_a_world_that_is_down_says_so(tmp_path: Path) -> None:
    """Whoever acts on a daemon that is down is told, with the time."""
    world = World(story_configuration(tmp_path))

    async def story() -> None:
        await world.start()
        await world.clock.sleep(MINUTE)
        await world.stop()
        with pytest.raises(RuntimeError, match="down at 60000 ms"):
            _ = world.running
        await world.database.close()

    run(story(), world.loop)


def test_moments_are_written_as_durations(tmp_path: Path) -> None:
    """Anything else is refused where it is written."""
    with pytest.raises(ValueError, match="not a valid duration"):
        Story(story_configuration(tmp_path)).at("soon")
