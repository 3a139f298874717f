"""Where alerts come from when nobody pushes them, wired: probes, scrapes, and the rules over what both have seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import Counter

from monitor.app.deployments import Deployments
from monitor.app.explaining import ExplainingSink
from monitor.app.meters import RuleCounters
from monitor.app.probes import Probes
from monitor.app.rooms import Rooms
from monitor.config.configuration import Configuration
from monitor.model.errors import NotFoundError
from monitor.model.labels import Labels
from monitor.model.times import Timestamp
from monitor.remote.messages import MetricMetadata
from monitor.rules.evaluating import Surroundings as RuleSurroundings
from monitor.rules.ports import Querier
from monitor.rules.scheduling import RuleScheduler
from monitor.rules.texts import World
from monitor.scrape.discovering import Discovering
from monitor.scrape.exposition.native import fastest, name_of
from monitor.scrape.scraping import Scraping
from monitor.state.rule_store import SqlRuleStateStore


class Watching:
    """Over the probes that run already, before the rooms that take the alerts. Made with `open`."""

    def __init__(self, rooms: Rooms, probes: Probes, querier: Querier, rule_states: SqlRuleStateStore) -> None:
        drivers, configuration = rooms.drivers, rooms.configuration
        self.probes = probes
        self._drivers = drivers
        self.rules = RuleScheduler(
            drivers.clock,
            drivers.supervisor,
            RuleSurroundings(
                querier=querier,
                samples=probes.quiet_sink,
                alerts=ExplainingSink(rooms.dispatcher, self._reason, lambda: rooms.configuration.external_url),
                states=rule_states,
                counters=RuleCounters(drivers.telemetry),
                monotonic=drivers.loop.time,
                warn=self._rule_failed,
                world=_world(configuration),
                leaving=configuration.leaving,
            ),
        )
        self._scrape_counters: dict[tuple[str, str], Counter] = {}
        drivers.telemetry.scrape_reader.labels(name_of(fastest)).set(1)
        self.scraping = Scraping(
            sink=probes.sink,
            clock=drivers.clock,
            fetch=probes.outside.fetch,
            start=drivers.supervisor.start,
            on_scrape=self._scraped,
            exemplars=probes.keep_exemplar,
        )
        self.discovering = Discovering(
            finders=probes.outside.finders,
            clock=drivers.clock,
            start=drivers.supervisor.start,
            found=self.scraping.apply,
            failed=self._undiscovered,
        )

    @classmethod
    async def open(cls, rooms: Rooms, probes: Probes, querier: Querier) -> Watching:
        """Read what is stored, and have these rooms take the alerts. Raises StoreError or CorruptionError."""
        watching = rooms.watching = cls(rooms, probes, querier, await SqlRuleStateStore.open(rooms.stores.database))
        return watching

    async def start(self, configuration: Configuration, deployments: Deployments) -> None:
        """From here on targets are found and scraped, and rules are evaluated."""
        keep = self._drivers.supervisor.keep
        await self.rules.start(configuration.groups)
        self.probes.rules = self.rules
        self.probes.hand_over(deployments)
        self.discovering.apply(configuration.jobs)
        await self.probes.remote.start(configuration, self._metadata)
        keep("scrape", self.scraping.run)
        keep("discovery", self.discovering.run)

    async def apply(self, configuration: Configuration) -> None:
        """Only what changed is restarted."""
        self.probes.probing.configure(configuration.checks)
        await self.rules.apply(configuration.groups, _world(configuration), configuration.leaving)
        self.discovering.apply(configuration.jobs)
        await self.probes.remote.start(configuration, self._metadata)

    def alerts(self) -> Iterator[Labels]:
        """The labels, as the rules know them, of all that is pending or fires."""
        return (one.labels for status in self.rules.status() for rule in status.rules for one in rule.alerts)

    async def stop_rules(self, seconds: float) -> None:
        """The first step down: what is being evaluated ends within so many seconds, and nothing is evaluated any more."""
        self.probes.rules = None
        await self.rules.stop(seconds)

    def _metadata(self) -> Iterable[MetricMetadata]:
        told = {name: one for _, known in self.scraping.metadata() for name, one in known.items()}
        return [MetricMetadata(metric=name, type=one.type, help=one.help, unit=one.unit) for name, one in told.items()]

    def _reason(self, check: str) -> str:
        try:
            verdict = self.probes.probing.verdict(check)
        except NotFoundError:
            return ""
        return verdict.text if verdict.state.rank else ""

    def _rule_failed(self, where: str, error: Exception) -> None:
        self._drivers.log.warning("rule failed", rule=where, error=str(error))

    def _undiscovered(self, job: str, problem: str) -> None:
        self._drivers.telemetry.discovery_failures.labels(job).inc()
        self._drivers.log.warning("targets are looked for in vain", job=job, problem=problem)

    def _scraped(self, job: str, target: Labels, at: Timestamp, error: str | None) -> None:
        key = (job, "failed" if error else "ok")
        counter = self._scrape_counters.get(key)
        if counter is None:
            counter = self._scrape_counters[key] = self._drivers.telemetry.scrapes.labels(*key)
        counter.inc()
        if error is not None and error.startswith("line "):
            self._drivers.telemetry.bad_input.labels("exposition").inc()


def _world(configuration: Configuration) -> World:
    return World(external_labels=configuration.leaving.labels, external_url=configuration.external_url)
