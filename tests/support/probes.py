"""A prober's surroundings on the running loop, and one attempt as a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager

from monitor.clock import Clock
from monitor.model.checks import Check, Outcome
from monitor.net.poller import Poller
from monitor.net.resolve import NameSource, Resolver
from monitor.net.tls import Contexts
from monitor.probe.kinds import CATALOGUE
from monitor.probe.kinds.kind import Instruments


@asynccontextmanager
async def instruments(source: NameSource | None = None) -> AsyncGenerator[Instruments]:
    """Everything a kind needs, closed at the end."""
    loop = asyncio.get_running_loop()
    poller = Poller(loop)
    resolver = Resolver(loop, source)
    tasks: set[asyncio.Task[object]] = set()

    def spawn(name: str, work: Coroutine[object, object, None]) -> object:
        task: asyncio.Task[object] = loop.create_task(work, name=name)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    try:
        yield Instruments(
            loop=loop,
            clock=Clock(),
            poller=poller,
            resolver=resolver,
            contexts=Contexts(),
            spawn=spawn,
            user_agent="Watchkeeper/test",
        )
    finally:
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        resolver.close()
        poller.close()


async def attempt(tools: Instruments, check: Check) -> Outcome:
    """One attempt of a check; fails the test if `done` is called twice."""
    kind = CATALOGUE[check.kind].make(tools)
    ended: asyncio.Future[Outcome] = tools.loop.create_future()

    def done(slot: int, outcome: Outcome) -> None:
        assert slot == 7
        ended.set_result(outcome)

    kind.start([(7, kind.prepare(check))], tools.loop.time() + check.timeout / 1000, done)
    outcome = await asyncio.wait_for(ended, check.timeout / 1000 + 5)
    kind.close()
    return outcome
