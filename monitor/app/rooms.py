"""The rooms that alerts go through, wired: what the daemon runs in production and what a story runs in virtual time.

Where alerts come from, if not from others, is `watching`. A daemon in Alertmanager's place has none of it, and does not import
it: samples and rules take twenty megabytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from monitor.alerts.dispatching import Dispatcher
from monitor.alerts.muting import Muting
from monitor.alerts.orphans import Regrouping
from monitor.alerts.placement import Routing
from monitor.alerts.step import AlertStep
from monitor.app.deployments import Deployments
from monitor.app.drivers import Drivers, Stores
from monitor.app.meters import DeliveryMeters
from monitor.app.quiet import Quiet, QuietStores
from monitor.app.texts import templated_fields
from monitor.config.configuration import Configuration
from monitor.model.alerts import Alert
from monitor.model.errors import StoreError
from monitor.model.notifications import Destination
from monitor.model.times import Timestamp
from monitor.notify.delivering import Delivery
from monitor.oncall.escalating import Escalating, Playbook
from monitor.oncall.incident import IncidentKey
from monitor.oncall.roster import Roster
from monitor.oncall.stores import Decision
from monitor.state.alert_store import SqlAlertStore

if TYPE_CHECKING:
    from monitor.app.watching import Watching

_TROUBLE = frozenset({"delivery_failed", "nobody", "exhausted", "policy_removed", "repaired"})
"""What the timeline says that an operator must not overlook in the log."""

_RULES_SECONDS = 2.0


class SwitchingBook:
    """The address book of the configuration in force."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def options(self, destination: Destination) -> object | None:
        return self.configuration.paging.book.options(destination)

    def fallback(
        self, destination: Destination, *, first: Destination | None = None, last: bool = False
    ) -> Destination | None:
        return self.configuration.paging.book.fallback(destination, first=first, last=last)


class Rooms:
    """The second half of a start: rules, alerts, incidents, delivery. Made with `open`."""

    def __init__(
        self,
        configuration: Configuration,
        drivers: Drivers,
        stores: Stores,
        *,
        groups: SqlAlertStore,
        quiet: QuietStores,
        deployments: Deployments,
        instance: str,
    ) -> None:
        self.configuration = configuration
        self.drivers = drivers
        self.stores = stores
        self.watching: Watching | None = None
        """Set before the start, if there is any."""
        self.groups = groups
        self._quiet = quiet
        self.deployments = deployments
        self.instance = instance
        self.book = SwitchingBook(configuration)
        self.kinds = drivers.kinds(instance)
        telemetry = drivers.telemetry
        self.delivery = Delivery(
            store=stores.outbox,
            book=self.book,
            kinds=self.kinds,
            clock=drivers.clock,
            fraction=drivers.chance.fraction,
            start=drivers.supervisor.start,
            meters=DeliveryMeters(telemetry),
            reported=self._reported,
        )
        self.escalating = Escalating(
            store=stores.incidents,
            queries=stores.incidents,
            clock=drivers.clock,
            chance=drivers.chance,
            playbook=playbook_of(configuration),
            deployments=deployments.since,
            committed=self._decided,
            broken=self._undecidable,
        )
        self.dispatcher = Dispatcher(
            groups,
            drivers.clock,
            self._routing(configuration),
            on_events=self.escalating.nudge,
            on_outbox=self.delivery.wake,
            broken=self._undecidable_group,
            plain=self._plain,
            decided=self._alerts_decided,
            on_taken=self._taken,
        )
        self.quiet = Quiet(
            quiet, self.dispatcher, drivers.clock, drivers.chance, lambda: self.configuration, self.delivery.wake
        )
        self.silencing = self.quiet.silencing

    @classmethod
    async def open(cls, configuration: Configuration, drivers: Drivers, stores: Stores) -> Rooms:
        """Read what is stored. Raises StoreError or CorruptionError."""
        now = drivers.clock.now()
        instance = await stores.facts.get("instance")
        if not instance:
            instance = f"{os.uname().nodename.split('.')[0][:40]}-{drivers.chance.secret()[:8]}"
            await stores.facts.put("instance", instance)
        return cls(
            configuration,
            drivers,
            stores,
            groups=await SqlAlertStore.load(stores.database),
            quiet=await QuietStores.load(stores.database),
            deployments=await Deployments.load(stores.audit, configuration.environment, now),
            instance=instance,
        )

    async def start(self) -> None:
        """From here on alerts are evaluated, routed, escalated and delivered."""
        supervisor = self.drivers.supervisor
        await self.stores.outbox.expire_leases(self.drivers.clock.now(), orphaned=True)
        alive = await self.stores.facts.get("alive_at")
        await self.dispatcher.start(int(alive) if alive else None)
        self.delivery.begin(supervisor.keep)
        supervisor.keep("oncall", self.escalating.run)
        self.quiet.keep(supervisor)
        supervisor.keep("alerts", partial(self._dispatch, self.drivers.clock.now()))
        if self.watching is not None:
            await self.watching.start(self.configuration, self.deployments)

    async def apply(self, configuration: Configuration) -> Regrouping:
        """A reload of a configuration that was found good: only what changed is restarted. Returns what that did to alerts.
        Raises StoreError, and then the former configuration is in force."""
        former = self.configuration
        # The book first: rows for new destinations must find them.
        self.configuration = self.book.configuration = configuration
        try:
            regrouping = await self.dispatcher.apply(self._routing(configuration))
            await self.escalating.reload(playbook_of(configuration))
        except BaseException:
            self.configuration = self.book.configuration = former
            with contextlib.suppress(StoreError):
                await self.dispatcher.apply(self._routing(former))
            with contextlib.suppress(StoreError):
                await self.escalating.reload(playbook_of(former))
            raise
        if self.watching is not None:
            await self.watching.apply(configuration)
        self.delivery.reconfigured()
        self.quiet.reconfigured()
        return regrouping

    async def stop(self, seconds: float) -> None:
        """Finish what is under way: rules within two seconds, deliveries within so many more. Each step is taken whatever
        became of those before it."""
        async with contextlib.AsyncExitStack() as steps:  # the last one is taken first
            if self.watching is not None:
                steps.callback(self.watching.scraping.close)
            steps.push_async_callback(self.delivery.close)
            steps.push_async_callback(self._drain, seconds)
            if self.watching is not None:
                steps.push_async_callback(self.watching.stop_rules, _RULES_SECONDS)

    async def _drain(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.delivery.drain()
        except TimeoutError:
            self.drivers.log.warning("deliveries were cut off; they are repeated after the start")

    async def _dispatch(self, started: Timestamp) -> None:
        if self.configuration.limits.start_delay:
            await self.drivers.clock.sleep_until(started + self.configuration.limits.start_delay)
        await self.dispatcher.run()

    def _routing(self, configuration: Configuration) -> Routing:
        paging = configuration.paging
        templated = paging.templates.fields or any(route.labels for route in paging.root.walk())
        return Routing(
            root=paging.root,
            receivers=paging.receivers,
            overlay=Muting(paging.muting, self._quiet.silences.book, self._quiet.maintenance.book),
            repairs=paging.repairs,
            flapping=paging.flapping,
            fields=templated_fields(paging.templates) if templated else None,
            recent_changes=self.deployments.lines,
            external_url=configuration.external_url,
            drop_labels=configuration.replica_labels,
            retention=configuration.limits.retention,
        )

    def _decided(self, decision: Decision) -> None:
        numbers = {incident.id: incident.number for incident in decision.incidents}
        for entry in decision.timeline:
            say = self.drivers.log.warning if entry.kind in _TROUBLE else self.drivers.log.info
            say("incident", number=numbers.get(entry.incident, 0), what=entry.kind, text=entry.text)
        self.delivery.wake()

    def _reported(self) -> None:
        self.escalating.nudge()
        self.dispatcher.nudge()

    def _taken(self, alerts: Sequence[Alert]) -> None:
        self.quiet.took(alerts)

    def _alerts_decided(self, step: AlertStep) -> None:
        for reason in step.suppressed:
            self.drivers.telemetry.suppressed.labels(reason.value).inc()
        self.drivers.watch(step)

    def _undecidable_group(self, what: str, error: Exception) -> None:
        self.drivers.supervisor.report("alerts", error)
        self.drivers.log.error("an alert group could not be decided upon", group=what)

    def _plain(self, destination: Destination, trouble: str) -> None:
        self.drivers.log.warning("a template failed: sent in its plain form", to=str(destination), error=trouble)

    def _undecidable(self, key: IncidentKey, error: Exception) -> None:
        self.drivers.supervisor.report(f"oncall/{key.policy}", error)


def playbook_of(configuration: Configuration) -> Playbook:
    """The part of the configuration that on-call needs."""
    paging = configuration.paging
    return Playbook(
        policies=paging.policies,
        directory=Roster(paging.people, paging.escalating, paging.on_call_at),
        fallback=paging.fallback,
        external_url=configuration.external_url,
    )
