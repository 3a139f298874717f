"""The shell of what silences need: looks at the alerts when that may matter for one, reminds, and ends.

While no silence waits for resolution or is about to end, nothing is looked at: whoever takes alerts in asks one question of
an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from monitor.alerts.groups import AlertGroup
from monitor.alerts.notices import news_rows
from monitor.alerts.placement import Routing
from monitor.alerts.silence_care import Care, Reminders, at_hand, care, muted_by, reminder
from monitor.alerts.silences import NO_LIMITS, Silence, SilenceLimits, SilenceStep
from monitor.alerts.silencing import SilenceStore
from monitor.alerts.standing import standing
from monitor.clock import Clock, Wakeup
from monitor.model.alerts import Alert
from monitor.model.changes import AuditEntry
from monitor.model.errors import StoreError
from monitor.model.incidents import SYSTEM
from monitor.model.notifications import Destination
from monitor.model.times import SECOND, Millis, Timestamp

T = TypeVar("T")
_APART: Final[Millis] = SECOND
"""Looks for the sake of alerts are so far apart at least: each goes through all of them."""
_PAUSE: Final[Millis] = 10 * SECOND
"""Before a decision that could not be stored is tried again."""


class Alerts(Protocol):
    """Where the alerts are (`dispatching.Dispatcher`)."""

    async def view(self, look: Callable[[Mapping[str, AlertGroup], Routing, Timestamp], T]) -> T:
        """What `look` makes of all groups. Raises StoreError."""
        ...


class Attending:
    """Reminds of ends, and ends what waited for resolution."""

    def __init__(
        self,
        store: SilenceStore,
        alerts: Alerts,
        clock: Clock,
        *,
        reminders: Callable[[], Reminders],
        destinations: Callable[[str], Sequence[Destination]],
        external_url: Callable[[], str],
        changed: Callable[[], None],
        on_outbox: Callable[[Collection[str]], None],
        limits: SilenceLimits = NO_LIMITS,
    ) -> None:
        """`changed` is called after a commit that ended a silence, `on_outbox` after one that left something in the outbox
        for these integrations."""
        self._store = store
        self._alerts = alerts
        self._clock = clock
        self._reminders = reminders
        self._destinations = destinations
        self._external_url = external_url
        self._changed = changed
        self._on_outbox = on_outbox
        self._limits = limits
        self._wake = Wakeup()
        self._changes = Wakeup()
        self._at_hand: tuple[Silence, ...] = ()

    def nudge(self) -> None:
        """Silences or the configuration have changed."""
        self._changes.set()
        self._wake.set()

    def took(self, alerts: Sequence[Alert]) -> None:
        """These alerts were reported."""
        if not self._at_hand or self._wake.is_set:
            return
        now = self._clock.now()
        unseen = [one for one in self._at_hand if not (one.until_resolved and one.seen_at)]
        if any(alert.resolved(now) or any(one.matches(alert.labels) for one in unseen) for alert in alerts):
            self._wake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                due = await self._look()
            except StoreError:
                due = self._clock.now() + _PAUSE
            if self._at_hand:
                # A silence that has just been made is looked at with the alerts that fire now: they may be over soon.
                await self._clock.wait(self._changes, self._clock.now() + _APART)
            await self._clock.wait(self._wake, due)

    async def _look(self) -> Timestamp | None:
        """Do what is due; when to look again."""
        reminders, now = self._reminders(), self._clock.now()
        silences = await self._store.silences()
        wanted = at_hand(silences, reminders, now)
        self._at_hand = tuple(wanted)
        muted: Mapping[str, tuple[Alert, ...]] = {}
        if wanted:
            muted = await self._alerts.view(lambda groups, _, at: muted_by(wanted, standing(groups, at), at))
        found = care({one.id: one for one in silences}, muted, reminders, now, limits=self._limits)
        if found.put:
            await self._commit(muted, reminders)
            return self._clock.now()  # what was decided is looked at once more
        return found.wake_at

    async def _commit(self, muted: Mapping[str, tuple[Alert, ...]], reminders: Reminders) -> None:
        done = Care()

        def decide(silences: Mapping[str, Silence]) -> SilenceStep:
            nonlocal done
            now = self._clock.now()
            done = care(silences, muted, reminders, now, limits=self._limits)
            said = [
                row
                for one in done.reminded
                for row in news_rows(
                    reminder(one, [alert for alert in muted[one.id] if not alert.resolved(now)], now),
                    reminders.to,
                    self._destinations(reminders.to),
                    self._external_url(),
                    now,
                )
            ]
            return SilenceStep(put=done.put, outbox=tuple(said))

        def audit(_: SilenceStep) -> AuditEntry | None:
            if not done.ended:
                return None
            detail = "all alerts that it muted have resolved"
            subject = f"silence:{' '.join(done.ended)}"
            return AuditEntry(at=self._clock.now(), actor=SYSTEM, action="end silence", subject=subject, detail=detail)

        step = await self._store.transact(decide, audit)
        if done.ended:
            self._changed()
        if step.outbox:
            self._on_outbox({row.destination.integration for row in step.outbox})
