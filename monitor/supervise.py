"""The one place that starts tasks.

A task that ends by an unexpected error is neither silent nor fatal at once: it is logged with its trace, kept in `crashed`
(so that /health tells the truth), and, when it was given as a factory, started again after a growing delay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from monitor.clock import Clock
from monitor.model.times import SECOND, Millis

_FIRST_DELAY: Millis = SECOND
_LONGEST_DELAY: Millis = 30 * SECOND


class Supervisor:
    """Owns every task of the daemon. `report(name, error)` is told of each crash."""

    def __init__(self, clock: Clock, report: Callable[[str, BaseException], None]) -> None:
        self._clock = clock
        self._report = report
        self._tasks: dict[asyncio.Task[None], str] = {}
        self.crashed: dict[str, str] = {}
        """Tasks that are down now: name to what went wrong."""

    def __repr__(self) -> str:
        return f"Supervisor({sorted(self._tasks.values())}, crashed={sorted(self.crashed)})"

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run this once. A crash is reported, and remembered until work of the same name succeeds."""
        return self._own(name, self._once(name, work))

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
            self._note(name, error)
        else:
            self.crashed.pop(name, None)

    async def _again(self, name: str, factory: Callable[[], Awaitable[None]]) -> None:
        delay = _FIRST_DELAY
        while True:
            began = self._clock.monotonic()
            try:
                await factory()
            except Exception as error:  # noqa: BLE001 - the last place where an error can be told
                self._note(name, error)
            else:
                return
            if self._clock.monotonic() - began > _LONGEST_DELAY / 1000:
                delay = _FIRST_DELAY
            await self._clock.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY)
            self.crashed.pop(name, None)

    def _note(self, name: str, error: BaseException) -> None:
        self.crashed[name] = f"{type(error).__name__}: {error}"
        self._report(name, error)
