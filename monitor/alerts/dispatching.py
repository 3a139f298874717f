"""The shell of the alert side: takes alerts in, wakes groups when they are due, hands both to the pipeline.

Every decision goes through `AlertStore.transact`; what a caller is told has been committed. Between decisions nothing runs:
the next due group is the next wake-up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from monitor.alerts.groups import AlertGroup
from monitor.alerts.pipeline import (
    AlertStep,
    Routing,
    clean,
    ingest,
    look_again,
    placements,
    punctual,
    rerouted,
    restarted,
)
from monitor.clock import Clock, Jumps
from monitor.model.alerts import Alert
from monitor.model.times import SECOND, Millis, Timestamp

_JUMP: Millis = 10 * SECOND
"""A step of the wall clock forward by more than this is treated like a restart: nobody could report in time that was
skipped. One back moves the groups' times with it."""


class AlertStore(Protocol):
    """Where groups live. One writer."""

    async def transact(
        self, ids: Sequence[str] | None, decide: Callable[[Mapping[str, AlertGroup]], AlertStep]
    ) -> AlertStep:
        """In one write transaction: read the groups with these ids (None: all) that exist, call `decide`, write the groups
        with their timers (`AlertGroup.wake_at`), delete what it removed, insert inbox events and
        outbox rows (a row whose `dedupe_key` exists is left alone). Returns what was decided once it is committed.
        Raises StoreError; then nothing was written."""
        ...

    async def due(self, now: Timestamp) -> Sequence[str]:
        """Ids of the groups whose timer is due, earliest first."""
        ...

    async def next_due(self) -> Timestamp | None:
        """The earliest timer of any group."""
        ...

    async def groups(self) -> Sequence[AlertGroup]:
        """All groups, for display and lookup."""
        ...


class Dispatcher:
    """Implements the rules' `AlertSink`."""

    def __init__(
        self,
        store: AlertStore,
        clock: Clock,
        routing: Routing,
        *,
        on_events: Callable[[], None],
        on_outbox: Callable[[], None],
    ) -> None:
        """`on_events` and `on_outbox` are called after a commit that left something in the inbox or the outbox."""
        self._store = store
        self._clock = clock
        self._routing = routing
        self._on_events = on_events
        self._on_outbox = on_outbox
        self._wake = asyncio.Event()
        self._jumps = Jumps(clock)
        self._orphans: tuple[str, ...] = ()

    async def start(self) -> None:
        """Call once before `run`: groups of an earlier life are taken over under the present configuration."""
        await self._believe_longer()

    async def apply(self, routing: Routing) -> None:
        """A reload: from here on alerts are routed so."""
        self._routing = routing

        def decide(groups: Mapping[str, AlertGroup]) -> AlertStep:
            return rerouted(list(groups.values()), routing, self._clock.now())

        await self._commit(None, decide)
        self._wake.set()

    async def accept(self, alerts: Sequence[Alert]) -> None:
        """Take alerts in; returns once they are committed. Raises StoreError: then send them again."""
        if not alerts:
            return
        await self._notice_jump()
        routing = self._routing
        now = self._clock.now()
        cleaned = [clean(punctual(alert, now), routing) for alert in alerts]
        arrivals = [(alert, placements(alert, routing)) for alert in cleaned]
        ids = {place.group.id for _, places in arrivals for place in places}

        def decide(groups: Mapping[str, AlertGroup]) -> AlertStep:
            return ingest(groups, arrivals, routing, self._clock.now())

        await self._commit([*ids, *self._orphans], decide)
        self._wake.set()

    async def run(self) -> None:
        """Flush groups when they are due, for ever."""
        while True:
            await self._notice_jump()
            due = await self._store.due(self._clock.now())
            if due:
                await self._commit(due, self._look)
                continue
            await self._clock.wait(self._wake, await self._store.next_due())

    async def _believe_longer(self) -> None:
        def decide(groups: Mapping[str, AlertGroup]) -> AlertStep:
            now = self._clock.now()
            return rerouted([restarted(group, now) for group in groups.values()], self._routing, now)

        await self._commit(None, decide)

    async def _notice_jump(self) -> None:
        jumped = self._jumps.since_last()
        if jumped > _JUMP:
            await self._believe_longer()
        elif jumped < -_JUMP:
            await self._commit(
                None, lambda groups: AlertStep(groups=tuple(one.moved(jumped) for one in groups.values()))
            )

    def _look(self, groups: Mapping[str, AlertGroup]) -> AlertStep:
        now = self._clock.now()
        step = AlertStep()
        for group in groups.values():
            step += look_again(group, self._routing, now)
        return step

    async def _commit(self, ids: Sequence[str] | None, decide: Callable[[Mapping[str, AlertGroup]], AlertStep]) -> None:
        step = await self._store.transact(ids, decide)
        orphans = {group.id for group in step.groups if group.next_flush is None}
        gone = set(step.removed) | {group.id for group in step.groups if group.next_flush is not None}
        self._orphans = tuple((set(self._orphans) | orphans) - gone)
        if step.events:
            self._on_events()
        if step.outbox:
            self._on_outbox()
