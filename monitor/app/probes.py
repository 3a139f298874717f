"""The first half of watching: samples and probes.

It needs little, so that the first verdicts come at once; `rooms` and `watching` follow when more has been read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor import __version__
from monitor.app.announcing import AnnouncingSink, Flushing
from monitor.app.deployments import Deployments
from monitor.app.drivers import Drivers, Stores
from monitor.app.meters import ProbeMeters
from monitor.app.remote_writing import RemoteWriting
from monitor.config.configuration import Configuration
from monitor.model.checks import StatusChanged, VersionChanged
from monitor.model.errors import StoreError
from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.model.times import SECOND, Millis
from monitor.net.asking import Asking
from monitor.net.poller import Poller
from monitor.net.resolve import Resolver
from monitor.probe.kinds import CATALOGUE, CatalogueEntry
from monitor.probe.kinds.kind import Instruments
from monitor.probe.probing import Probing
from monitor.probe.verdict import Event
from monitor.rules.scheduling import RuleScheduler
from monitor.scrape.discovering import Finder
from monitor.scrape.scraping import Fetch
from monitor.tsdb.exemplars import ExemplarStore
from monitor.tsdb.store import SampleStore

_MOST_UNRECORDED = 1_000
_RECORD_PAUSE: Millis = SECOND
"""Before a deployment that could not be recorded is recorded again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the outer world gives to those who watch it."""

    fetch: Fetch
    ask: Asking | None = None
    """For receivers of samples; in a world without network nothing is sent on."""
    finders: Mapping[type, Finder]
    probe_kinds: Mapping[str, CatalogueEntry] = field(default_factory=lambda: CATALOGUE)


class Probes:
    """Samples and what probes write into them."""

    def __init__(
        self, configuration: Configuration, drivers: Drivers, outside: Outside, samples: SampleStore, stores: Stores
    ) -> None:
        self.drivers = drivers
        self.outside = outside
        self.samples = samples
        self.stores = stores
        self.flushing = Flushing(samples, drivers.loop, drivers.clock.now)
        self.exemplars = ExemplarStore()
        self.remote = RemoteWriting(drivers, outside.ask, configuration)
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
            catalogue=outside.probe_kinds,
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
