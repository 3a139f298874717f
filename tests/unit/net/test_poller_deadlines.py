"""Deadlines in virtual time: one timer for all, and only for those that are not over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import Clock
from monitor.net.poller import Poller
from monitor.simulate.loop import VirtualLoop, run


class Attempt:
    """Notes when it expires; `over` from `ends` on."""

    def __init__(self, loop: VirtualLoop, ends: float) -> None:
        self._loop = loop
        self._ends = ends
        self.expired: list[float] = []

    @property
    def over(self) -> bool:
        return bool(self.expired) or self._loop.time() >= self._ends

    def expire(self) -> None:
        self.expired.append(self._loop.time())


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=400))
def test_exactly_those_that_are_not_over_expire_and_at_their_time(plans: list[tuple[int, int]]) -> None:
    """(due, ends): expired once at `due` if it ends later, else never; in whatever order the limits were set."""
    loop = VirtualLoop()
    attempts = [Attempt(loop, ends - 0.5) for _, ends in plans]

    async def story() -> None:
        poller = Poller(loop)
        for (due, _), attempt in zip(plans, attempts, strict=True):
            poller.limit(float(due), attempt)
        await Clock(lambda: 0).sleep(60_000)
        poller.close()

    run(story(), loop)
    for (due, ends), attempt in zip(plans, attempts, strict=True):
        assert attempt.expired == ([float(due)] if due < ends - 0.5 else [])
