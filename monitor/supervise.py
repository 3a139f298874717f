"""The one place that starts tasks.

A task that ends by an unexpected error is neither silent nor fatal at once: it is reported with its trace. One that was
given as a factory is started again after a growing delay, and is in `crashed` meanwhile, so that /health tells the truth.
One that was to run once is over: nothing of its name may ever succeed, so what happened is told for some minutes only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from monitor.clock import Clock
from monitor.model.times import MINUTE, SECOND, Millis

_FIRST_DELAY: Millis = SECOND
_LONGEST_DELAY: Millis = 30 * SECOND
_REMEMBERED: Millis = 10 * MINUTE
"""A failure of a task that ran once is told for so long."""
_MOST_REMEMBERED = 20


class Supervisor:
    """Owns every task of the daemon. `report(name, error)` is told of each crash."""

    def __init__(self, clock: Clock, report: Callable[[str, BaseException], None]) -> None:
        self._clock = clock
        self._report = report
        self._tasks: dict[asyncio.Task[None], str] = {}
        self.crashed: dict[str, str] = {}
        """Kept tasks that are down now: name to what went wrong."""
        self._failed: dict[str, tuple[float, str]] = {}

    def __repr__(self) -> str:
        return f"Supervisor({sorted(self._tasks.values())}, crashed={sorted(self.crashed)})"

    @property
    def failed(self) -> Mapping[str, str]:
        """Tasks that ran once and broke within the last ten minutes, the latest twenty: name to what went wrong."""
        oldest = self._clock.monotonic() - _REMEMBERED / 1000
        self._failed = {name: one for name, one in self._failed.items() if one[0] > oldest}
        return {name: text for name, (_, text) in self._failed.items()}

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run this once. A crash is reported, and is in `failed` until work of the same name succeeds."""
        task = self._own(name, self._once(name, work))
        # One that is cancelled before its first step never awaits the work.
        task.add_done_callback(lambda _: work.close())
        return task

    def keep(self, name: str, factory: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run what `factory` makes for as long as the daemon lives; after a crash, again."""
        return self._own(name, self._again(name, factory))

    async def stop(self) -> None:
        """Cancel what still runs, newest first, and wait for each to end."""
        for task in reversed(list(self._tasks)):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def report(self, name: str, error: BaseException) -> None:
        """Something broke that the one who caught it goes on without."""
        self._report(name, error)

    def _own(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[task] = name
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)

    async def _once(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the last place where an error can be told
            self._failed.pop(name, None)
            self._failed[name] = (self._clock.monotonic(), _told(error))
            while len(self._failed) > _MOST_REMEMBERED:
                del self._failed[next(iter(self._failed))]
            self._report(name, error)
        else:
            self._failed.pop(name, None)

    async def _again(self, name: str, factory: Callable[[], Awaitable[None]]) -> None:
        delay = _FIRST_DELAY
        while True:
            began = self._clock.monotonic()
            try:
                await factory()
            except Exception as error:  # noqa: BLE001 - the last place where an error can be told
                self.crashed[name] = _told(error)
                self._report(name, error)
            else:
                return
            if self._clock.monotonic() - began > _LONGEST_DELAY / 1000:
                delay = _FIRST_DELAY
            try:
                await self._clock.sleep(delay)
            finally:  # begun again, or given up by whoever had it kept
                self.crashed.pop(name, None)
            delay = min(2 * delay, _LONGEST_DELAY)


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
