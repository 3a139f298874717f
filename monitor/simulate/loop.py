"""An event loop without real time: when nothing is ready it jumps to the next timer.

No threads, no sockets. When nothing is ready and no timer is set, whoever waits would wait for ever: that is a deadlock
and raises. `loop.time()` starts near zero; wall time is a start that the story gives plus the loop's time plus the jumps
that the story makes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from monitor.clock import Clock
from monitor.model.times import Millis, Timestamp

T = TypeVar("T")


class DeadlockError(RuntimeError):
    """Everybody waits and nothing will ever happen."""


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop of a story."""

    def __init__(self) -> None:
        super().__init__()
        self._elapsed = 0.0
        self._clock_resolution = 1e-9
        self._selector = _Jump(self)

    def time(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none: no sockets."""

    def _write_to_self(self) -> None:
        """There is no selector to wake."""


class _Jump:
    """Stands where a selector stands: instead of waiting it lets the time pass."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise DeadlockError("every task waits, and no timer is set")
        if timeout > 0:
            self._loop.advance(timeout)
        return []

    def close(self) -> None:
        """Nothing to close."""


class VirtualTime:
    """Wall time of a story: starts where the story says, follows the loop, and can be made to jump."""

    def __init__(self, loop: VirtualLoop, start: Timestamp) -> None:
        self._loop = loop
        self._start = start
        self._jumped: Millis = 0
        self.clock = Clock(self.now)

    def now(self) -> Timestamp:
        return self._start + self._jumped + round(self._loop.time() * 1000)

    def jump(self, span: Millis) -> None:
        """Step the wall clock; monotonic time does not notice."""
        self._jumped += span


def run(story: Coroutine[Any, Any, T], loop: VirtualLoop) -> T:
    """Run a story to its end in virtual time; what still runs then ends with it."""
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(story)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()
