"""The half of a daemon that looks for itself: samples, probes, queries, scrapes and rules, the host, and our own metrics.

A daemon in Alertmanager's place, which is told everything, is without it. Nobody else imports what is imported here.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from monitor.app.drivers import Drivers, Stores
from monitor.app.housekeeping import CronJob
from monitor.app.own_metrics import OwnMetrics
from monitor.app.probes import Outside, Probes
from monitor.app.querying import EmbeddedQuerier, limits_of, options_of
from monitor.app.remote_querying import RemoteQuerier
from monitor.app.remote_writing import refused_by
from monitor.app.rooms import Rooms
from monitor.app.sample_upkeep import SampleUpkeep
from monitor.app.sessions import AGENT, Sessions
from monitor.app.watching import Watching
from monitor.config.configuration import Configuration
from monitor.model.errors import Finding
from monitor.model.times import Timestamp
from monitor.net.asking import Asking
from monitor.remote.receiving import Receiving
from monitor.rules.ports import Querier
from monitor.scrape.kinds.catalogue import make_finders
from monitor.scrape.kinds.host import HostCollecting, HostFiles
from monitor.scrape.kinds.http import HttpFetch
from monitor.tsdb.store import SampleStore
from monitor.web.parts import Parts


class Lookout:
    """Made when the daemon starts. First `begin`, so that the first verdicts come at once, then `start`."""

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        drivers: Drivers,
        stores: Stores,
        sessions: Sessions,
        asking: Asking,
    ) -> None:
        """`configuration` is the one in force."""
        first = configuration()
        self._configuration = configuration
        self._drivers = drivers
        self._asking = asking
        self.samples = _recovered(first, drivers)
        outside = Outside(fetch=HttpFetch(asking, sessions.targets, AGENT), ask=asking, finders=make_finders(asking))
        self.probes = Probes(first, drivers, outside, self.samples, stores)
        self.querier = EmbeddedQuerier(
            self.samples, options_of(first.queries), drivers.loop.time, limits_of(first.queries)
        )
        self.jobs: Sequence[CronJob] = ()
        self._ends: list[Callable[[], None]] = [self.querier.close]

    def __repr__(self) -> str:
        return f"Lookout({self.samples!r})"

    def show(self, parts: Parts) -> None:
        """What can be seen before the rest is up."""
        parts.probing = self.probes.probing
        parts.samples = self.samples
        parts.querier = self.querier
        parts.exemplars = self.probes.exemplars

    async def begin(self) -> None:
        """Probe."""
        await self.probes.start()

    async def join(self, rooms: Rooms, parts: Parts) -> None:
        """These rooms take what is found. Raises StoreError or CorruptionError."""
        watching = await Watching.open(rooms, self.probes, self._rule_querier())
        parts.scraping = watching.scraping
        parts.rules = watching.rules
        parts.receiving = Receiving(
            sink=self.probes.quiet_sink,
            keep=self.probes.keep_exemplar,
            refused=lambda: refused_by(self.samples),
            written=self.probes.flushing.written,
            clock=self._drivers.clock,
            retention=lambda: self._configuration().storage.retention,
        )

    def keep(self, rooms: Rooms, instance: str) -> Callable[[Timestamp], None] | None:
        """Look after the samples, and write those of ourselves and of the host. Returns what is to be called twice a
        minute."""
        if rooms.watching is None:
            return None
        own = OwnMetrics(self._drivers.telemetry.registry, self.probes.quiet_sink, instance)
        upkeep = SampleUpkeep(rooms.watching, self._drivers, self.samples, own)
        self._ends.append(own.close)
        self._drivers.supervisor.keep("sample upkeep", upkeep.forget)
        self.jobs = upkeep.jobs()
        host = self._configuration().host
        if host.enabled:
            collecting = HostCollecting(
                files=HostFiles(),
                sink=self.probes.sink,
                clock=self._drivers.clock,
                instance=socket.gethostname(),
                interval=host.interval,
            )
            self._drivers.supervisor.keep("host", collecting.run)
            self._ends.append(collecting.close)
        return upkeep.look

    def findings(self, fresh: Configuration) -> Sequence[Finding]:
        """Why this configuration cannot be taken into use."""
        return self.probes.probing.findings(fresh.checks)

    def configure(self, fresh: Configuration) -> None:
        """It is in force now; the rooms have it already."""
        self.samples.take_late(fresh.storage.out_of_order_time_window)
        self.querier.configure(options_of(fresh.queries), limits_of(fresh.queries))

    def end(self) -> None:
        """Write no more samples of our own, and answer no more queries."""
        for end in reversed(self._ends):
            end()

    async def close_samples(self) -> None:
        """The last step: what is not on disk is written."""
        await asyncio.to_thread(self.samples.close, self._drivers.clock.now())

    def _rule_querier(self) -> Querier:
        engine = self._configuration().query_engine
        return self.querier if engine is None else RemoteQuerier(engine, self._asking)


def _recovered(configuration: Configuration, drivers: Drivers) -> SampleStore:
    storage = configuration.storage
    samples, recovered = SampleStore.recover(storage.folder / "samples", storage.retention, drivers.clock.now())
    samples.retention_bytes = storage.retention_size or None
    samples.take_late(storage.out_of_order_time_window)
    for problem in recovered.problems:
        drivers.log.warning("samples lost", problem=problem)
    return samples
