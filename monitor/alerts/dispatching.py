"""The shell of the alert side: takes alerts in, wakes groups when they are due, hands both to the pipeline.

Every decision goes through `AlertStore.transact`; what a caller is told has been committed. Between decisions nothing runs:
the next due group is the next wake-up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from monitor.alerts.groups import AlertGroup
from monitor.alerts.orphans import Regrouping, claims, is_orphan, regrouping
from monitor.alerts.pipeline import ingest, look_again, punctual, review
from monitor.alerts.placement import Placement, Routing, arrivals, clean
from monitor.alerts.step import AlertStep
from monitor.alerts.succession import forgotten, moved, rerouted, restarted
from monitor.clock import Clock, Jumps, Wakeup
from monitor.model.alerts import Alert
from monitor.model.errors import StoreError
from monitor.model.notifications import DeliveryReport, Destination
from monitor.model.times import MINUTE, SECOND, Millis, Timestamp

T = TypeVar("T")
_JUMP: Millis = 10 * SECOND
"""A step of the wall clock forward by more than this is treated like a restart: nobody could report in time that was
skipped. One back moves the groups' times with it."""


_PLACED: Final = 250
"""Alerts that are placed before others get their turn: two or three milliseconds."""

_ASIDE: Millis = MINUTE
"""A group whose decision broke is looked at again after this."""


def _raised(what: str, error: Exception) -> None:
    raise error


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

    async def view(self, look: Callable[[Mapping[str, AlertGroup]], T]) -> T:
        """Call `look` with all groups by id while no decision is made. Raises StoreError, and what `look` raises."""
        ...

    async def undelivered(self) -> Sequence[tuple[int, DeliveryReport]]:
        """Group notifications that were given up, each until a decision has it among its `consumed`."""
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
        on_outbox: Callable[[Collection[str]], None],
        broken: Callable[[str, Exception], None] = _raised,
        plain: Callable[[Destination, str], None] = lambda _destination, _trouble: None,
        decided: Callable[[AlertStep], None] = lambda _: None,
        on_taken: Callable[[Sequence[Alert]], None] = lambda _: None,
    ) -> None:
        """`on_events` and `on_outbox` are called after a commit that left something in the inbox or, for these integrations,
        the outbox; `broken` hears of a group or alert that could not be decided upon, `plain` of a notification whose templates
        failed, and why, `decided` of every decision once it is committed, `on_taken` of alerts that were taken in."""
        self._store = store
        self._clock = clock
        self._routing = routing
        self._on_events = on_events
        self._on_outbox = on_outbox
        self._broken = broken
        self._plain = plain
        self._decided = decided
        self._on_taken = on_taken
        self._wake = Wakeup()
        self._jumps = Jumps(clock)
        self._jumped: Millis = 0
        self._noticing = asyncio.Lock()
        self._orphans: tuple[str, ...] = ()
        self._aside: dict[str, Timestamp] = {}
        self._reviewing = False
        self._given_up = True

    async def start(self, alive_at: Timestamp | None = None) -> None:
        """Call once before `run`: groups of an earlier life are taken over under the present configuration. `alive_at`: when
        that life was last seen."""
        await self._believe_longer(None if alive_at is None else self._clock.now() - alive_at)

    async def apply(self, routing: Routing) -> Regrouping:
        """A reload: from here on alerts are routed so. Raises StoreError, and then they are routed as before."""
        former = self._routing
        found = Regrouping()

        def decide(groups: Mapping[str, AlertGroup]) -> AlertStep:
            # In the order of the transactions: a decision before this one is made under the former routes.
            nonlocal found
            self._routing, now = routing, self._clock.now()
            step = rerouted(list(groups.values()), routing, now)
            found = regrouping(groups.values(), step.groups, routing, now)
            return step

        try:
            await self._commit(None, decide)
        except BaseException:
            self._routing = former
            raise
        self._wake.set()
        return found

    def nudge(self) -> None:
        """A notification was given up."""
        self._given_up = True
        self._wake.set()

    def review(self) -> None:
        """What mutes alerts has changed: silences, or who fires. Those that on-call was told of are looked at anew."""
        self._reviewing = True
        self._wake.set()

    async def view(self, look: Callable[[Mapping[str, AlertGroup], Routing, Timestamp], T]) -> T:
        """What `look` makes of all groups and the routing with its overlay, between two decisions. It must not change
        them, nor keep the overlay. Raises StoreError."""
        return await self._store.view(lambda groups: look(groups, self._routing, self._clock.now()))

    async def accept(self, alerts: Sequence[Alert]) -> None:
        """Take alerts in; returns once they are committed. Raises StoreError: then send them again."""
        if not alerts:
            return
        await self._notice_jump()
        try:
            await self._take(alerts)
            self._on_taken(alerts)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - reported; the other alerts must not wait for it
            if len(alerts) == 1:
                self._broken(str(alerts[0].labels), error)
                return
            for alert in alerts:
                await self.accept([alert])

    async def run(self) -> None:
        """Flush groups when they are due, for ever."""
        while True:
            await self._notice_jump()
            await self._forget_undelivered()
            await self._review()
            now = self._clock.now()
            self._aside = {id_: until for id_, until in self._aside.items() if now < until <= now + _ASIDE}
            due = [id_ for id_ in await self._store.due(now) if id_ not in self._aside]
            if due:
                await self._decide(due)
                continue
            next_due = await self._store.next_due()
            if self._aside:
                next_due = max(next_due or now, min(self._aside.values()))
            await self._clock.wait(self._wake, next_due)

    async def _take(self, alerts: Sequence[Alert]) -> None:
        """Take alerts in under the routes of the moment of the decision: a reload may come between."""
        while True:
            routing = self._routing
            now = self._clock.now()
            placed = await self._placed(alerts, routing, now)
            ids = {place.group.id for _, places in placed for place in places}
            overtaken = False

            def decide(
                groups: Mapping[str, AlertGroup],
                routing: Routing = routing,
                placed: Sequence[tuple[Alert, Sequence[Placement]]] = placed,
            ) -> AlertStep:
                nonlocal overtaken
                overtaken = self._routing is not routing
                return AlertStep() if overtaken else ingest(groups, placed, routing, self._clock.now())

            try:
                await self._commit([*ids, *self._orphans], decide)
            finally:  # whoever is cut off may have decided all the same
                self._wake.set()
            if not overtaken:
                return

    async def _placed(
        self, alerts: Sequence[Alert], routing: Routing, now: Timestamp
    ) -> list[tuple[Alert, tuple[Placement, ...]]]:
        """Alerts with the groups that take them. Of thousands in one push some hundreds are placed at a time."""
        placed: list[tuple[Alert, tuple[Placement, ...]]] = []
        for start in range(0, len(alerts), _PLACED):
            if start:
                await self._clock.sleep(0)
            part = [clean(punctual(alert, now), routing) for alert in alerts[start : start + _PLACED]]
            placed += arrivals(part, routing, now)
        return placed

    async def _decide(self, due: Sequence[str]) -> None:
        """Look at these groups together; if that breaks, one by one, so that one broken group does not stop the others.
        What breaks alone is set aside for a minute and reported. Raises StoreError when the store itself fails."""
        try:
            if await self._astray(due):
                await self._believe_longer(None)
            else:
                await self._commit(list(dict.fromkeys([*due, *self._orphans])), lambda groups: self._look(groups, due))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - reported; the other groups must not wait for it
            if len(due) > 1:
                for id_ in due:
                    await self._decide([id_])
                return
            self._aside[due[0]] = self._clock.now() + _ASIDE
            self._broken(due[0], error)

    async def _astray(self, ids: Sequence[str]) -> bool:
        """Does one of these groups stand under a route that is not there (a reload was taken back)?"""
        routes = self._routing.routes()
        wanted = set(ids)
        return any(
            group.id in wanted and group.next_flush is not None and group.route not in routes
            for group in await self._store.groups()
        )

    async def _forget_undelivered(self) -> None:
        if not self._given_up:
            return
        self._given_up = False
        try:
            reports = await self._store.undelivered()
            if reports:
                await self._commit(None, lambda groups: forgotten(groups, reports, self._routing, self._clock.now()))
        except BaseException:
            self._given_up = True
            raise

    async def _review(self) -> None:
        if not self._reviewing:
            return
        self._reviewing = False
        try:
            escalating = [group.id for group in await self._store.groups() if group.policy]
            await self._commit(escalating, lambda groups: review(groups.values(), self._routing, self._clock.now()))
        except BaseException:
            self._reviewing = True
            raise

    async def _believe_longer(self, away: Millis | None) -> None:
        def decide(groups: Mapping[str, AlertGroup]) -> AlertStep:
            now = self._clock.now()
            return rerouted([restarted(group, now, away) for group in groups.values()], self._routing, now)

        await self._commit(None, decide)

    async def _notice_jump(self) -> None:
        async with self._noticing:  # a report that comes while a jump is written down must not write it again
            self._jumped += self._jumps.since_last()
            jumped = self._jumped
            if jumped > _JUMP:
                await self._believe_longer(jumped)
            elif jumped < -_JUMP:
                await self._commit(
                    None, lambda groups: moved(groups.values(), jumped, self._routing, self._clock.now())
                )
            # Only now: a jump that could not be written down is noticed again.
            self._jumped -= jumped

    def _look(self, groups: Mapping[str, AlertGroup], due: Sequence[str]) -> AlertStep:
        now = self._clock.now()
        claimed = claims(groups.values(), now)
        wanted = set(due)
        return AlertStep.of(
            [look_again(group, self._routing, now, claimed) for group in groups.values() if group.id in wanted]
        )

    async def _commit(self, ids: Sequence[str] | None, decide: Callable[[Mapping[str, AlertGroup]], AlertStep]) -> None:
        step = await self._store.transact(ids, decide)
        orphans = {group.id for group in step.groups if is_orphan(group)}
        gone = set(step.removed) | {group.id for group in step.groups if not is_orphan(group)}
        self._orphans = tuple((set(self._orphans) | orphans) - gone)
        self._decided(step)
        if step.events:
            self._on_events()
        for row in step.outbox:
            if row.message.trouble:
                self._plain(row.destination, row.message.trouble)
        if step.outbox:
            self._on_outbox({row.destination.integration for row in step.outbox})
        if step.review:
            self.review()
