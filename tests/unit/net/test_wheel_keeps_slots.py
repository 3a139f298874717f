"""The slot wheel in virtual time: exact gaps, shared wake-ups, no ticker."""

from __future__ import annotations

from collections.abc import Coroutine
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import Clock
from monitor.net.wheel import Wheel, place, slot_length
from monitor.simulate.loop import VirtualLoop, run


class Story:
    """A wheel on a loop that jumps; `fired` are (time in ms, member)."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.fired: list[tuple[int, str]] = []
        self.wakes = 0
        self.wheel: Wheel[str] = Wheel(self.loop, self._fire)
        self.clock = Clock(lambda: 0)

    def play(self, story: Coroutine[object, object, None]) -> None:
        run(story, self.loop)

    def times(self, name: str) -> list[int]:
        return [at for at, member in self.fired if member == name]

    def _fire(self, members: list[str]) -> None:
        self.wakes += 1
        self.fired.extend((round(self.loop.time() * 1000), member) for member in members)


@given(
    st.dictionaries(st.text(max_size=5), st.sampled_from([1000, 5000, 30_000, 45_000]), min_size=1, max_size=12),
)
def test_every_member_fires_once_an_interval(members: dict[str, int]) -> None:
    """For any mix of names and intervals the gaps are exact and nobody is left out."""
    story = Story()

    async def told() -> None:
        story.wheel.update({name: (interval, name) for name, interval in members.items()}, set())
        await story.clock.sleep(95_000)
        story.wheel.close()

    story.play(told())
    for name, interval in members.items():
        times = story.times(name)
        assert times[0] <= interval
        assert {after - before for before, after in pairwise(times)} == {interval}


def test_about_ten_members_share_a_wake_up() -> None:
    """A thousand members every 5 s wake the loop a hundred times, not a thousand."""
    story = Story()

    async def told() -> None:
        story.wheel.update({f"m{n}": (5000, f"m{n}") for n in range(1000)}, set())
        await story.clock.sleep(5000)
        story.wheel.close()

    story.play(told())
    assert len(story.fired) >= 990
    assert story.wakes <= 101


def test_removing_and_adding_leaves_the_others_alone() -> None:
    """A member's gaps stay exact over changes of others."""
    story = Story()

    async def told() -> None:
        story.wheel.update({name: (10_000, name) for name in ("a", "b")}, set())
        await story.clock.sleep(33_333)
        story.wheel.update({"c": (10_000, "c")}, {"b"})
        await story.clock.sleep(50_000)
        story.wheel.close()

    story.play(told())
    assert {after - before for before, after in pairwise(story.times("a"))} == {10_000}
    assert max(story.times("b")) < 33_333
    assert story.times("c")


def test_a_change_while_a_slot_is_overdue_does_not_lose_it() -> None:
    """Reloading in the very moment of a slot costs nobody an attempt."""
    story = Story()
    own = place("a", 10_000) // 1000 * 1000

    async def told() -> None:
        story.wheel.update({"a": (10_000, "a")}, set())
        await story.clock.sleep(20_000)
        story.loop.advance((own + 5) / 1000)
        story.wheel.update({"b": (10_000, "b")}, set())
        await story.clock.sleep(20_000)
        story.wheel.close()

    story.play(told())
    assert {after - before for before, after in pairwise(story.times("a"))} <= {10_000, 10_005, 9_995}


def test_turns_that_were_slept_through_are_counted_and_not_made_up_for() -> None:
    """After a stall of 35 s a member of 10 s fires once at once, and then in its slots."""
    story = Story()

    async def told() -> None:
        story.wheel.update({"a": (10_000, "a")}, set())
        await story.clock.sleep(20_000)
        story.loop.advance(35.0)
        await story.clock.sleep(25_000)
        story.wheel.close()

    story.play(told())
    late = [at for at in story.times("a") if at >= 55_000]
    assert len(late) == 4
    assert story.wheel.missed == 2
    assert {at % 10_000 for at in late[1:]} == {story.times("a")[0] % 10_000}


def test_an_interval_of_nothing_is_refused() -> None:
    """It would fire for ever."""
    story = Story()
    with pytest.raises(ValueError, match="more than nothing"):
        story.wheel.update({"a": (0, "a")}, set())
    story.loop.close()


@given(st.text(), st.integers(1, 10**9))
def test_a_place_is_on_its_ring(name: str, interval: int) -> None:
    """And the same each time."""
    assert 0 <= place(name, interval) < interval
    assert place(name, interval) == place(name, interval)


@pytest.mark.parametrize(
    ("members", "interval", "length"),
    [(1, 30_000, 1000), (1000, 30_000, 200), (1000, 5000, 50), (100, 5000, 500), (5, 1000, 200), (3, 200, 50)],
)
def test_slots_are_as_long_as_ten_members_need(members: int, interval: int, length: int) -> None:
    """50 ms to 1 s, and at most a quarter of the interval."""
    assert slot_length(members, interval) == length
