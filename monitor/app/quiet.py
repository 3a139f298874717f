"""What keeps alerts quiet while we run, wired: silences, what they need until they end, and maintenance windows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from monitor.alerts.attending import Attending
from monitor.alerts.dispatching import Dispatcher
from monitor.alerts.maintaining import Maintaining
from monitor.alerts.silencing import Silencing
from monitor.chance import Chance
from monitor.clock import Clock
from monitor.config.configuration import Configuration
from monitor.model.alerts import Alert
from monitor.model.notifications import Destination
from monitor.state.database import Database
from monitor.state.maintenance_store import SqlMaintenanceStore
from monitor.state.silence_store import SqlSilenceStore
from monitor.supervise import Supervisor


class QuietStores:
    """What is stored of it. Made with `load`."""

    def __init__(self, silences: SqlSilenceStore, maintenance: SqlMaintenanceStore) -> None:
        self.silences = silences
        self.maintenance = maintenance

    @classmethod
    async def load(cls, database: Database) -> QuietStores:
        """Raises StoreError or CorruptionError."""
        return cls(await SqlSilenceStore.load(database), await SqlMaintenanceStore.load(database))


class Quiet:
    """The three, over what decisions on alerts look into."""

    def __init__(
        self,
        stores: QuietStores,
        dispatcher: Dispatcher,
        clock: Clock,
        chance: Chance,
        configuration: Callable[[], Configuration],
        on_outbox: Callable[[Collection[str]], None],
    ) -> None:
        """`configuration` is the one in force."""
        self._dispatcher = dispatcher
        first = configuration()

        def listeners(receiver: str) -> Sequence[Destination]:
            return configuration().paging.book.listeners(receiver)

        self.silencing = Silencing(
            stores.silences,
            clock,
            chance,
            changed=self._silenced,
            limits=first.limits.silences,
            syntax=first.paging.alertmanager.syntax,
        )
        self.attending = Attending(
            stores.silences,
            dispatcher,
            clock,
            reminders=lambda: configuration().paging.silencing.reminders,
            destinations=listeners,
            external_url=lambda: configuration().external_url,
            changed=dispatcher.review,
            on_outbox=on_outbox,
            limits=first.limits.silences,
        )
        self.maintaining = Maintaining(
            stores.maintenance,
            clock,
            windows=lambda: configuration().paging.muting.maintenance,
            destinations=listeners,
            external_url=lambda: configuration().external_url,
            changed=dispatcher.review,
            on_outbox=on_outbox,
        )

    def keep(self, supervisor: Supervisor) -> None:
        """From here on ends and beginnings are told."""
        supervisor.keep("maintenance", self.maintaining.run)
        supervisor.keep("silences", self.attending.run)

    def reconfigured(self) -> None:
        """The configuration has changed."""
        self.maintaining.nudge()
        self.attending.nudge()

    def took(self, alerts: Sequence[Alert]) -> None:
        """These alerts were reported."""
        self.attending.took(alerts)

    def _silenced(self) -> None:
        self._dispatcher.review()
        self.attending.nudge()
