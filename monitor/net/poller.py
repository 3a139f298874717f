"""Many sockets behind one asyncio reader, and their deadlines behind one asyncio timer.

An epoll descriptor is itself readable when one of its sockets is, so one `loop.add_reader` serves them all. Deadlines
lie in a heap; the timer is armed for the earliest live one only, and attempts that end in time cost it nothing.
"""

from __future__ import annotations

import asyncio
import heapq
import select
from typing import Final, Protocol

READ: Final = select.EPOLLIN
WRITE: Final = select.EPOLLOUT

_EVENTS_PER_WAKE = 64
"""So that a storm of ready sockets does not hold the loop: the rest comes with the next turn."""

_ROUNDS_BEFORE_SWEEP = 100


class Watcher(Protocol):
    """What is watched."""

    def ready(self, events: int) -> None:
        """The socket can be read or written, or has failed. Must not raise."""
        ...


class Limited(Protocol):
    """What must end in time."""

    @property
    def over(self) -> bool:
        """True once it has ended by itself."""
        ...

    def expire(self) -> None:
        """The deadline has passed. Called at most once, and only while not `over`."""
        ...


class Poller:
    """One per loop. `close` when done."""

    __slots__ = ("_deadlines", "_epoll", "_loop", "_sequence", "_timer", "_timer_at", "_watchers", "time")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.time = loop.time
        self._epoll: select.epoll | None = None
        self._watchers: dict[int, Watcher] = {}
        self._deadlines: list[tuple[float, int, Limited]] = []
        self._sequence = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def watch(self, fd: int, events: int, watcher: Watcher) -> None:
        """Call `watcher.ready` when the descriptor is ready for `events` (READ, WRITE or both)."""
        self._watchers[fd] = watcher
        if self._epoll is None:  # not before it is needed: a simulated loop has no sockets
            self._epoll = select.epoll()
            self._loop.add_reader(self._epoll.fileno(), self._ready)
        self._epoll.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        """Watch for other events from now on."""
        if self._epoll is not None:
            self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """Stop watching; call it just before the descriptor is closed (the kernel drops closed ones itself)."""
        self._watchers.pop(fd, None)

    def limit(self, due: float, limited: Limited) -> None:
        """Call `limited.expire` at `due` (the loop's time) unless it is over by then."""
        heap = self._deadlines
        while heap and heap[0][2].over:
            heapq.heappop(heap)
        if len(heap) > 256 and len(heap) > 4 * len(self._watchers):
            heap[:] = [entry for entry in heap if not entry[2].over]
            heapq.heapify(heap)
        self._sequence += 1
        heapq.heappush(heap, (due, self._sequence, limited))
        if self._timer is None or due < self._timer_at:
            self._arm(due)

    def close(self) -> None:
        """Stop watching everything; the sockets stay their owners'."""
        if self._epoll is not None:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None
        self._watchers.clear()
        self._deadlines.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __repr__(self) -> str:
        return f"<Poller sockets={len(self._watchers)} deadlines={len(self._deadlines)}>"

    def _ready(self) -> bool:
        """Serve what is ready; True if there may be more."""
        watchers = self._watchers
        if self._epoll is None:
            return False
        found = self._epoll.poll(0, _EVENTS_PER_WAKE)
        for fd, events in found:
            watcher = watchers.get(fd)
            if watcher is not None:
                watcher.ready(events)
        return len(found) == _EVENTS_PER_WAKE

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._loop.call_at(due, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        # When the loop was held up, answers wait in the sockets: they came in time, and we are late. Take them first.
        for _ in range(_ROUNDS_BEFORE_SWEEP):
            if not self._ready():
                break
        heap = self._deadlines
        now = self.time()
        while heap:
            due, _, limited = heap[0]
            if limited.over:
                heapq.heappop(heap)
            elif due <= now:
                heapq.heappop(heap)
                limited.expire()
            else:
                break
        if heap and (self._timer is None or heap[0][0] < self._timer_at):
            self._arm(heap[0][0])
