"""The one clock. Nobody else reads the time; everybody else takes `now` as an argument.

Waiting is done on the loop's monotonic time and checked again on wall time, so that a step of the wall clock in either
direction neither skips nor doubles what was waited for. No nap is longer than half a minute, so a step forward is
noticed within that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from monitor.model.errors import BugError
from monitor.model.times import SECOND, Millis, Timestamp

_LONGEST_NAP: Millis = 30 * SECOND
_SET_BACK: Millis = 10 * SECOND
"""Corrections smaller than this only make a wait that much longer."""


class Wakeup:
    """What `Clock.wait` waits for: whoever has news sets it, and one task waits. Unlike an `asyncio.Event` under a timeout
    it does not cancel that task when the time is up, which most waits here end with."""

    __slots__ = ("_waiter", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        self.is_set = True
        if self._waiter is not None:
            _end(self._waiter)

    def clear(self) -> None:
        self.is_set = False

    async def wait(self, seconds: float | None) -> None:
        """Until it is set, or so long on monotonic time. A second task that waits would never be woken, so it is refused."""
        if self._waiter is not None and not self._waiter.done():
            raise BugError("two tasks wait for one wakeup")
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, _end, waiter)
        try:
            await waiter
        finally:
            if self._waiter is waiter:  # not the one of a task that came after this was cancelled
                self._waiter = None
            if timer is not None:
                timer.cancel()


class Clock:
    """Wall time and waiting. The virtual world passes its own `wall`; waiting follows the running loop's time."""

    __slots__ = ("_on_lag", "_wall")

    def __init__(
        self, wall: Callable[[], Timestamp] | None = None, on_lag: Callable[[float], None] = lambda _: None
    ) -> None:
        """`on_lag(seconds)` is told how late each sleep ended."""
        self._wall = wall if wall is not None else _system_wall
        self._on_lag = on_lag

    def now(self) -> Timestamp:
        return self._wall()

    def monotonic(self) -> float:
        """Seconds on the running loop's clock; only differences mean something."""
        return asyncio.get_running_loop().time()

    async def sleep(self, span: Millis) -> None:
        """Wait so long on monotonic time."""
        await self._nap(max(span, 0) / 1000)

    async def sleep_until(self, due: Timestamp) -> None:
        """Return once wall time has reached `due`."""
        while (rest := due - self.now()) > 0:
            await self._nap(min(rest, _LONGEST_NAP) / 1000)

    async def wait(self, wakeup: Wakeup, due: Timestamp | None) -> bool:
        """Return when `wakeup` is set (True, and clear it) or wall time has reached `due` (False). None: no limit. False
        also when the wall clock was set back meanwhile: `due` is further off than was meant, so the caller looks again."""
        ahead = _ahead(self.now())
        while not wakeup.is_set:
            if due is None:
                await wakeup.wait(None)
                continue
            now = self.now()
            if due <= now or _ahead(now) < ahead - _SET_BACK:
                return False
            await wakeup.wait(min(due - now, _LONGEST_NAP) / 1000)
        wakeup.clear()
        return True

    def call_later(self, seconds: float, call: Callable[[], object]) -> Callable[[], None]:
        """Have this called after so long on monotonic time; what is returned calls that off."""
        return asyncio.get_running_loop().call_later(seconds, call).cancel

    async def _nap(self, seconds: float) -> None:
        due = self.monotonic() + seconds
        await asyncio.sleep(seconds)
        self._on_lag(self.monotonic() - due)


class Jumps:
    """Notices that wall time and monotonic time have parted: somebody set the clock, or the machine slept."""

    __slots__ = ("_ahead", "_clock")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead: Millis | None = None

    def since_last(self) -> Millis:
        """By how much the wall clock has jumped since this was last asked: negative if it was set back, 0 at first. Small
        corrections add up over many questions only in the wall clock, not here."""
        ahead = _ahead(self._clock.now())
        before, self._ahead = self._ahead, ahead
        return 0 if before is None else ahead - before


def _end(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _ahead(now: Timestamp) -> Millis:
    """Wall time over monotonic time; changes only when somebody sets the clock, or the machine sleeps."""
    return now - round(asyncio.get_running_loop().time() * 1000)


def _system_wall() -> Timestamp:
    return time.time_ns() // 1_000_000
