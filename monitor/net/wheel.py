"""The slot wheel: who starts when.

Each interval has a ring of slots. A member's place on the ring comes from a hash of its name, so it is spread evenly,
survives restarts, and its gaps are exactly the interval. A slot is so long that about ten members share it (50 ms to
1 s): one wake-up then serves all of them. All rings count from the same origin, so slots of different rings that
coincide share a wake-up too. Only the next non-empty slot has a timer; an empty wheel costs nothing.

When the loop was held up, a slot that is late fires at once; turns of a slot that were missed altogether are counted,
not made up for. Slots grow longer only when a ring has grown (and a member may then move by less than a second, once).
"""

from __future__ import annotations

import asyncio
import heapq
import zlib
from bisect import bisect_right
from collections.abc import Callable
from typing import Generic, TypeVar

from monitor.model.times import Millis

T = TypeVar("T")

SHORTEST_SLOT: Millis = 50
STARTS_PER_SLOT = 10


def place(name: str, interval: Millis) -> Millis:
    """Where on its ring a name lies: 0 <= place < interval, the same in every process."""
    return zlib.crc32(name.encode()) * interval >> 32


def slot_length(members: int, interval: Millis) -> Millis:
    """How long a slot must be for about ten of `members` to share it: 50, 100, 200, 500 or 1000 ms, and never more than
    a quarter of the interval."""
    wanted = STARTS_PER_SLOT * interval // max(members, 1)
    for length in (1000, 500, 200, 100):
        if length <= wanted and length * 4 <= interval:
            return length
    return SHORTEST_SLOT


class _Ring(Generic[T]):
    """One interval's slots."""

    __slots__ = ("busy", "index", "interval", "length", "members", "next_due", "slots", "turn")

    def __init__(self, interval: Millis) -> None:
        self.interval = interval
        self.length: Millis = 0
        self.members: dict[str, T] = {}
        self.slots: dict[Millis, list[T]] = {}
        self.busy: list[Millis] = []
        self.index = 0
        self.turn = 0
        self.next_due: Millis = 0

    def rebuild(self, now: Millis) -> None:
        """Plan anew; a slot that is due already and has not fired is not lost by it."""
        since = min(now, self.next_due - 1) if self.busy else now
        self.length = slot_length(len(self.members), self.interval)
        slots: dict[Millis, list[T]] = {}
        for name, member in self.members.items():
            where = place(name, self.interval)
            slots.setdefault(where - where % self.length, []).append(member)
        self.slots = slots
        self.busy = sorted(slots)
        self.seek(since)

    def seek(self, now: Millis) -> None:
        """Point at the first busy slot after `now`."""
        if not self.busy:
            return
        self.turn, inside = divmod(now, self.interval)
        self.index = bisect_right(self.busy, inside)
        if self.index == len(self.busy):
            self.index = 0
            self.turn += 1
        self.next_due = self.turn * self.interval + self.busy[self.index]

    def advance(self, now: Millis) -> int:
        """Step to the next slot; how many starts are lost because the loop was held up for a whole turn."""
        lost = 0
        while True:
            self.index += 1
            if self.index == len(self.busy):
                self.index = 0
                self.turn += 1
            self.next_due = self.turn * self.interval + self.busy[self.index]
            if now - self.next_due < self.interval:
                return lost
            lost += len(self.slots[self.busy[self.index]])


class Wheel(Generic[T]):
    """Calls `fire(members)` for each slot at its time, on the running loop. `fire` must not raise and not block.

    `missed` counts starts that were lost because the loop was held up for a whole interval.
    """

    __slots__ = ("_closed", "_fire", "_heap", "_loop", "_origin", "_rings", "_timer", "missed")

    def __init__(self, loop: asyncio.AbstractEventLoop, fire: Callable[[list[T]], None]) -> None:
        self._loop = loop
        self._fire = fire
        self._origin = loop.time()
        self._rings: dict[Millis, _Ring[T]] = {}
        self._heap: list[tuple[Millis, Millis]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.missed = 0

    def update(self, add: dict[str, tuple[Millis, T]], remove: set[str]) -> None:
        """Add members (name to interval and member), then re-plan. A name that is there already is replaced."""
        touched: set[Millis] = set()
        gone = remove | add.keys()
        for interval, ring in self._rings.items():
            for name in gone & ring.members.keys():
                del ring.members[name]
                touched.add(interval)
        for name, (interval, member) in add.items():
            if interval <= 0:
                raise ValueError(f"interval of {name!r} must be more than nothing")
            self._rings.setdefault(interval, _Ring(interval)).members[name] = member
            touched.add(interval)
        now = self._now()
        for interval in touched:
            self._rings[interval].rebuild(now)
            if not self._rings[interval].members:
                del self._rings[interval]
        self._heap = [(ring.next_due, interval) for interval, ring in self._rings.items()]
        heapq.heapify(self._heap)
        self._arm()

    def close(self) -> None:
        """No more calls."""
        self._closed = True
        self._rings.clear()
        self._heap.clear()
        self._arm()

    def __repr__(self) -> str:
        rings = ", ".join(f"{interval}ms:{len(ring.members)}" for interval, ring in sorted(self._rings.items()))
        return f"<Wheel {rings or 'empty'}>"

    def _now(self) -> Millis:
        return int((self._loop.time() - self._origin) * 1000)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._timer = self._loop.call_at(self._origin + self._heap[0][0] / 1000, self._turn)

    def _turn(self) -> None:
        self._timer = None
        due = self._heap[0][0]
        members: list[T] = []
        now = max(self._now(), due)
        while self._heap and self._heap[0][0] <= due:
            _, interval = heapq.heappop(self._heap)
            ring = self._rings[interval]
            slot = ring.slots[ring.busy[ring.index]]
            if now - due < interval:
                members.extend(slot)
            else:  # its next turn is due as well
                self.missed += len(slot)
            self.missed += ring.advance(now)
            heapq.heappush(self._heap, (ring.next_due, interval))
        self._arm()
        if members:
            self._fire(members)
