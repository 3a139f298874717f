"""The daemon looking after itself: gauges, the minute audit, what is forgotten, and the cron table."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Sequence

from monitor.alerts.silences import SilenceState
from monitor.alerts.standing import count_states
from monitor.app.health import Health
from monitor.app.housekeeping import CronJob
from monitor.app.rooms import Rooms
from monitor.model.incidents import IncidentState
from monitor.model.notifications import OutboxState
from monitor.model.times import DAY, SECOND, Millis, Timestamp

_ROUND: Millis = 30 * SECOND


class Upkeep:
    """Loops and jobs over the running rooms."""

    def __init__(self, rooms: Rooms, health: Health, look: Callable[[Timestamp], None] | None = None) -> None:
        """`look` is called in each round too."""
        self._rooms = rooms
        self._health = health
        self._look = look

    async def watch(self) -> None:
        """Twice a minute: bring the gauges up to date, audit the open incidents."""
        clock = self._rooms.drivers.clock
        while True:
            await self.round(clock.now())
            # on monotonic time: the audit is what repairs a clock that was set back
            await clock.sleep(_ROUND - clock.now() % _ROUND)

    async def round(self, now: Timestamp) -> None:
        """One round of `watch`."""
        rooms = self._rooms
        telemetry, stores = rooms.drivers.telemetry, rooms.stores
        await stores.facts.put("alive_at", str(now))
        outbox = await stores.outbox.counts()
        for state in OutboxState:
            if state not in (OutboxState.SENT, OutboxState.CANCELLED):
                telemetry.outbox_rows.labels(state.value).set(outbox.get(state.value, 0))
        self._health.queued = sum(count for state, count in outbox.items() if state != OutboxState.FAILED.value)
        self._health.channels_down = {str(where): why for where, why in rooms.delivery.down().items()}
        incidents = await stores.incidents.counts()
        for state in IncidentState:
            if state.is_open:
                telemetry.incidents.labels(state.value).set(incidents.get(state.value, 0))
        audit = await rooms.escalating.audit_open()
        if audit.repaired:
            rooms.drivers.log.error("incidents would not have escalated; repaired", incidents=audit.repaired)
        telemetry.incidents_without_timer.set(audit.unattended)
        await self._alerts_and_silences()
        if self._look is not None:
            self._look(now)

    def jobs(self) -> Sequence[CronJob]:
        """The cron table."""
        return (
            CronJob(id="history", calendar="17 3 * * *", work=self._forget_history),
            CronJob(id="database", calendar="47 3 * * *", work=self._database),
            CronJob(id="report", calendar="0 6 * * *", work=self._report),
        )

    async def _alerts_and_silences(self) -> None:
        """Under Alertmanager's names."""
        telemetry = self._rooms.drivers.telemetry
        counts = await self._rooms.dispatcher.view(count_states)
        for state, count in {**counts, "unprocessed": 0}.items():
            telemetry.routed_alerts.labels(state).set(count)
        states = Tally(one.state(self._rooms.drivers.clock.now()) for one in await self._rooms.silencing.silences())
        for state in SilenceState:
            telemetry.silences.labels(state.value).set(states[state])

    async def _forget_history(self, now: Timestamp) -> None:
        await self._rooms.stores.audit.forget(now - self._rooms.configuration.storage.history)
        await self._rooms.stores.history.forget(now - self._rooms.configuration.storage.history)
        await self._rooms.silencing.forget()

    async def _database(self, now: Timestamp) -> None:
        await self._rooms.stores.database.upkeep()

    async def _report(self, now: Timestamp) -> None:
        """The last day in one line of the log."""
        day = await self._rooms.stores.audit.day(now - DAY)
        facts: dict[str, object] = {name.replace(" ", "_"): number for name, number in day.items()}
        self._rooms.drivers.log.info("daily report", **facts)
