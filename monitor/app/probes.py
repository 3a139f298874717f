"""The first half of a start: what the outer world gives, what is durable, and samples and probes on both.

It needs little, so that the first verdicts come at once; `rooms` follows when more has been read. `Drivers` is all in which
production and a story in virtual time differ: the clock, the dice, where the database works, which kinds probe and deliver.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor import __version__
from monitor.alerts.step import AlertStep
from monitor.app.announcing import AnnouncingSink, Flushing
from monitor.app.deployments import Deployments
from monitor.app.meters import ProbeMeters
from monitor.app.remote_writing import RemoteWriting
from monitor.chance import Chance
from monitor.clock import Clock
from monitor.config.configuration import Configuration
from monitor.model.checks import StatusChanged, VersionChanged
from monitor.model.errors import StoreError
from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.model.times import SECOND, Millis
from monitor.net.asking import Asking
from monitor.net.poller import Poller
from monitor.net.resolve import Resolver
from monitor.net.tls import Contexts
from monitor.notify.kinds.sending import Kind
from monitor.probe.kinds import CATALOGUE, CatalogueEntry
from monitor.probe.kinds.kind import Instruments
from monitor.probe.probing import Probing
from monitor.probe.verdict import Event
from monitor.rules.scheduling import RuleScheduler
from monitor.scrape.discovering import Finder
from monitor.scrape.scraping import Fetch
from monitor.state.alert_history import SqlAlertHistory
from monitor.state.audit_store import SqlAuditStore
from monitor.state.check_store import SqlCheckStore, SqlFacts
from monitor.state.database import Database
from monitor.state.incident_store import SqlIncidentStore
from monitor.state.outbox_store import SqlOutboxStore
from monitor.supervise import Supervisor
from monitor.telemetry import Log, Telemetry
from monitor.tsdb.exemplars import ExemplarStore
from monitor.tsdb.store import SampleStore

_MOST_UNRECORDED = 1_000
_RECORD_PAUSE: Millis = SECOND
"""Before a deployment that could not be recorded is recorded again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """What the outer world gives to the rooms."""

    loop: asyncio.AbstractEventLoop
    clock: Clock
    chance: Chance
    supervisor: Supervisor
    telemetry: Telemetry
    log: Log
    fetch: Fetch
    ask: Asking | None = None
    """For receivers of samples; in a world without network nothing is sent on."""
    contexts: Contexts = field(default_factory=Contexts)
    finders: Mapping[type, Finder]
    kinds: Callable[[str], Mapping[str, Kind]]
    """Makes the notifying kinds, given the name of this instance."""
    probe_kinds: Mapping[str, CatalogueEntry] = field(default_factory=lambda: CATALOGUE)
    watch: Callable[[AlertStep], None] = lambda _: None
    """Sees each decision about alerts once it is committed."""


class Stores:
    """Everything durable, on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.checks = SqlCheckStore(database)
        self.facts = SqlFacts(database)
        self.audit = SqlAuditStore(database)
        self.history = SqlAlertHistory(database)
        self.incidents = SqlIncidentStore(database)
        self.outbox = SqlOutboxStore(database)


class Probes:
    """The first half of a start: samples and probes. It needs little, so that the first verdicts come at once."""

    def __init__(self, configuration: Configuration, drivers: Drivers, samples: SampleStore, stores: Stores) -> None:
        self.drivers = drivers
        self.samples = samples
        self.stores = stores
        self.flushing = Flushing(samples, drivers.loop, drivers.clock.now)
        self.exemplars = ExemplarStore()
        self.remote = RemoteWriting(drivers, configuration)
        self.sink = AnnouncingSink(samples, self.flushing, self.remote.tap, self._saw)
        self.quiet_sink = AnnouncingSink(samples, self.flushing, self.remote.tap)
        """For samples that no early look is owed: what rules and the daemon itself write."""
        self.rules: RuleScheduler | None = None
        self._deployments: Deployments | None = None
        self._unrecorded: deque[VersionChanged] = deque(maxlen=_MOST_UNRECORDED)
        self._recording = False
        self._configuration = configuration
        self._poller = Poller(drivers.loop)
        self._resolver = Resolver(drivers.loop)
        self.probing = Probing(
            Instruments(
                loop=drivers.loop,
                clock=drivers.clock,
                poller=self._poller,
                resolver=self._resolver,
                contexts=drivers.contexts,
                spawn=drivers.supervisor.start,
                user_agent=f"Watchkeeper/{__version__}",
            ),
            self.sink,
            on_result=ProbeMeters(drivers.telemetry).result,
            on_event=self._event,
            store=stores.checks,
            catalogue=drivers.probe_kinds,
        )

    async def start(self) -> None:
        """Take over what was known, and probe."""
        alive = await self.stores.facts.get("alive_at")
        await self.probing.restore(int(alive) if alive else None)
        self.probing.configure(self._configuration.checks)

    def hand_over(self, deployments: Deployments) -> None:
        """From here on versions that change are recorded, those seen since the start included."""
        self._deployments = deployments
        self._record_soon()

    async def close(self) -> None:
        """Stop probing; the samples are still to be closed."""
        self.probing.close()
        self._poller.close()
        self._resolver.close()
        await self.remote.flush()
        await self.flushing.close()

    def keep_exemplar(self, series: Labels, exemplar: Exemplar) -> bool:
        """Keep it and send it on; False for one that is not newer than the one that is kept."""
        kept = self.exemplars.add(series, exemplar)
        if kept:
            self.remote.tap.exemplar(series, exemplar)
        return kept

    def _saw(self, at: int, series: Sequence[Labels]) -> None:
        if self.rules is not None:
            self.rules.saw(at, series)

    def _event(self, event: Event) -> None:
        log = self.drivers.log
        if isinstance(event, StatusChanged):
            verdict = event.verdict
            say = log.info if verdict.state.rank == 0 else log.warning
            why: dict[str, object] = {"why": verdict.text} if verdict.text else {}
            say("check changed", check=event.check.name, state=verdict.state.value, was=event.before.value, **why)
        elif event.before:
            log.info("version changed", check=event.check.name, version=event.version, was=event.before)
            self._unrecorded.append(event)
            self._record_soon()

    def _record_soon(self) -> None:
        if self._deployments is not None and self._unrecorded and not self._recording:
            self._recording = True
            self.drivers.supervisor.start("deployments", self._record(self._deployments))

    async def _record(self, deployments: Deployments) -> None:
        try:
            while self._unrecorded:
                event = self._unrecorded.popleft()
                while not await self._recorded(deployments, event):
                    await self.drivers.clock.sleep(_RECORD_PAUSE)
        finally:
            self._recording = False

    async def _recorded(self, deployments: Deployments, event: VersionChanged) -> bool:
        try:
            await deployments.seen(event)
        except StoreError as error:
            self.drivers.log.warning("a deployment could not be recorded yet", check=event.check.name, error=str(error))
            return False
        return True
