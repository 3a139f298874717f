"""A real server on loopback with real rooms in memory around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from monitor.alerts.dispatching import Dispatcher
from monitor.alerts.maintaining import Maintaining
from monitor.alerts.muting import Muting
from monitor.alerts.placement import Routing
from monitor.alerts.silencing import Silencing
from monitor.chance import Chance
from monitor.clock import Clock
from monitor.config.environment import Environment
from monitor.config.findings import Findings
from monitor.config.loading import Configuration, Overrides, load
from monitor.config.web_file import read_web_file
from monitor.config.web_settings import WebFile
from monitor.model.changes import AuditEntry, Deployment
from monitor.model.checks import Check, HealthState
from monitor.model.errors import ConfigError, Finding, NotFoundError, QueryLimitError
from monitor.model.incidents import Actor, IncidentEvent
from monitor.model.labels import Labels
from monitor.model.notifications import Destination
from monitor.model.times import DAY, MINUTE, Millis, Timestamp
from monitor.net.poller import Poller
from monitor.net.resolve import Resolver
from monitor.net.tls import Contexts
from monitor.oncall.escalating import Escalating, Playbook
from monitor.probe.kinds.kind import Instruments
from monitor.probe.probing import Probing
from monitor.promql.engine import Answer, Options, Query
from monitor.rules.evaluating import Surroundings
from monitor.rules.groups import RuleGroup
from monitor.rules.inline import InlineQuerier
from monitor.rules.scheduling import RuleScheduler
from monitor.simulate.world import Journal
from monitor.state.alert_store import SqlAlertStore
from monitor.state.audit_store import SqlAuditStore
from monitor.state.database import Database, Inline
from monitor.state.inbox import put_event
from monitor.state.incident_store import SqlIncidentStore
from monitor.state.maintenance_store import SqlMaintenanceStore
from monitor.state.outbox_store import SqlOutboxStore
from monitor.state.silence_store import SqlSilenceStore
from monitor.supervise import Supervisor
from monitor.tsdb.store import SampleStore
from monitor.web.guarding import Guard
from monitor.web.parts import Parts, Peer, Trial, Tried
from monitor.web.server import Server
from tests.support.incidents import PAYMENTS, ROSTER, START
from tests.support.probe_worlds import FakeStore
from tests.support.rule_worlds import FakeAlertSink, FakeRuleCounters, FakeRuleStateStore

NOW: Timestamp = START + 10 * MINUTE
"""Ten minutes after the incidents of these worlds began."""
TOKENS = """\
web:
  tokens:
    ana: {token: ana-secret-0123456789, person: ana, role: admin}
    bo: {token: bo-secret-0123456789, person: bo, role: responder}
    vi: {token: vi-secret-0123456789, person: vi, role: viewer}
"""
BEARER = {name: {"Authorization": f"Bearer {name}-secret-0123456789"} for name in ("ana", "bo", "vi")}


@dataclass
class FakeReport:
    """A HealthReport."""

    status: HealthState = HealthState.HEALTHY
    database: str = "connected"
    parts: dict[str, object] = field(default_factory=dict[str, object])

    def document(self) -> dict[str, object]:
        body: dict[str, object] = {"status": self.status.value, "version": "9.9"}
        body |= {"database": self.database, "cache": "connected"}
        return {**body, "parts": self.parts} if self.parts else body


class StoreQuerier:
    """QueryAnswering straight on the store."""

    def __init__(self, store: SampleStore) -> None:
        self._store = store
        self.seconds: list[float | None] = []

    async def answer(
        self, text: str, at: Timestamp, *, lookback: Millis | None = None, seconds: float | None = None
    ) -> Answer:
        self.seconds.append(seconds)
        return Query(text, _options(lookback)).instant(self._store.view(), at)

    async def answer_range(
        self,
        text: str,
        start: Timestamp,
        end: Timestamp,
        step: Millis,
        *,
        lookback: Millis | None = None,
        seconds: float | None = None,
    ) -> Answer:
        self.seconds.append(seconds)
        return Query(text, _options(lookback)).range(self._store.view(), start, end, step)


class LimitedQuerier:
    """QueryAnswering that is over some limit."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    async def answer(
        self, text: str, at: Timestamp, *, lookback: Millis | None = None, seconds: float | None = None
    ) -> Answer:
        raise QueryLimitError(self._problem)

    async def answer_range(
        self,
        text: str,
        start: Timestamp,
        end: Timestamp,
        step: Millis,
        *,
        lookback: Millis | None = None,
        seconds: float | None = None,
    ) -> Answer:
        raise QueryLimitError(self._problem)


def _options(lookback: Millis | None) -> Options:
    return Options() if lookback is None else replace(Options(), lookback=lookback)


@dataclass
class WebWorld:
    """The server, what is behind it, and a client."""

    parts: Parts
    url: str
    client: aiohttp.ClientSession
    samples: SampleStore
    log: Journal
    database: Database
    report: FakeReport
    observed: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    pushed: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    refusals: list[str] = field(default_factory=list[str])
    reloads: list[Actor] = field(default_factory=list[Actor])
    trials: list[Trial] = field(default_factory=list[Trial])
    reload_findings: list[Finding] = field(default_factory=list[Finding])
    now: Timestamp = NOW
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    is_ready: bool = True

    async def feed(self, *events: IncidentEvent) -> None:
        """Groups changed; on-call decides."""
        for event in events:
            await self.database.write(lambda connection, event=event: put_event(connection, event))
        assert self.parts.escalating is not None
        await self.parts.escalating.advance()

    async def evaluate(self, series: Sequence[Labels]) -> None:
        """Results of these series came in; returns when they have changed an alert."""
        assert self.parts.rules is not None
        self.parts.rules.saw(self.now, series)
        await self.changed.wait()
        self.changed.clear()

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.client.get(self.url + path, headers=headers) as response:
            return response.status, await response.text()

    async def json(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, object]]:
        async with self.client.request(method, self.url + path, json=body, headers=headers) as response:
            found: dict[str, object] = await response.json()
            return response.status, found

    async def reload(self, actor: Actor) -> Sequence[Finding]:
        self.reloads.append(actor)
        if self.reload_findings:
            raise ConfigError(self.reload_findings)
        return []

    async def try_receiver(self, receiver: str, trial: Trial, actor: Actor) -> Sequence[Tried]:
        if receiver != "default":
            raise NotFoundError(f'no receiver is named "{receiver}"')
        self.trials.append(trial)
        return [Tried(destination=Destination(receiver, "console"), good=True, detail="delivered")]

    async def record(self, deployment: Deployment, actor: Actor) -> None:
        entry = AuditEntry(
            at=deployment.at, actor=actor, action="deployment", subject=f"service:{deployment.service or '*'}"
        )
        await SqlAuditStore(self.database).add_deployment(deployment, entry)


def _around(world: WebWorld) -> Surroundings:
    return Surroundings(
        querier=InlineQuerier(world.samples.view, Options()),
        samples=world.samples,
        alerts=FakeAlertSink(),
        states=FakeRuleStateStore(),
        counters=FakeRuleCounters(),
        monotonic=asyncio.get_running_loop().time,
        warn=lambda where, error: world.log.warning("rule", where=where, error=error),
        changed=lambda transitions: world.changed.set(),
    )


def configuration(text: str, folder: str, *, listen: str = "127.0.0.1:0") -> Configuration:
    """What the loader makes of this file."""
    path = Path(folder) / "watchkeeper.yml"
    path.write_text(text or "checks: []\n", encoding="utf-8")
    return load(Overrides(config=str(path), listen=listen), Environment(), {})


def web_file_of(path: Path) -> WebFile:
    """What this `web.yml` says. Raises ConfigError."""
    findings = Findings()
    found = read_web_file(str(path), findings)
    if found is None:
        raise findings.error()
    return found


@asynccontextmanager
async def web_world(
    folder: str,
    *,
    text: str = "",
    checks: Sequence[Check] = (),
    starting: bool = False,
    listen: str = "127.0.0.1",
    groups: Sequence[RuleGroup] = (),
    patience: float = 15.0,
) -> AsyncGenerator[WebWorld]:
    """A server on a free port. `starting`: only what is there at first."""
    loop = asyncio.get_running_loop()
    database = Database.open(None, Inline())
    samples = SampleStore.in_memory(365 * DAY)
    clock = Clock()
    tasks: set[asyncio.Task[None]] = set()
    poller, resolver = Poller(loop), Resolver(loop)
    instruments = Instruments(
        loop=loop,
        clock=clock,
        poller=poller,
        resolver=resolver,
        contexts=Contexts(),
        spawn=lambda name, work: tasks.add(loop.create_task(work, name=name)),
        user_agent="test",
    )
    probing = Probing(
        instruments,
        samples,
        on_result=lambda check, outcome, verdict: None,
        on_event=lambda _: None,
        store=FakeStore(),
        eager=False,
    )
    probing.configure(checks)
    settings = configuration(text, folder, listen=f"{listen}:0")
    log = Journal()
    report = FakeReport()
    holder: list[WebWorld] = []

    async def health(now: Timestamp) -> FakeReport:
        return report

    parts = Parts(
        version="9.9",
        started_at=NOW - 60_000,
        now=lambda: holder[0].now,
        log=log,
        configuration=lambda: settings,
        health=health,
        ready=lambda: holder[0].is_ready,
        exposition=lambda: b"# TYPE up gauge\nup 1\n",
        probing=probing,
        samples=samples,
        observe=lambda route, method, code, _: holder[0].observed.append((route, method, code)),
        count_pushed=lambda firing, resolved, invalid: holder[0].pushed.append((firing, resolved, invalid)),
        refused=lambda kind: holder[0].refusals.append(kind),
    )
    supervisor = Supervisor(clock, lambda name, error: log.error("crashed", task=name, error=error))
    web_file = settings.listen.web_file
    guard = Guard(web_file, read=lambda name: web_file_of(Path(name)), log=log) if web_file is not None else None
    server = Server(parts, patience=patience, guard=guard)
    url = await server.start(listen, 0)
    async with aiohttp.ClientSession() as client:
        world = WebWorld(
            parts=parts,
            url=url.replace("0.0.0.0", "127.0.0.1"),
            client=client,
            samples=samples,
            log=log,
            database=database,
            report=report,
        )
        holder.append(world)
        if not starting:
            parts.querier = StoreQuerier(samples)
            parts.outbox = SqlOutboxStore(database)
            parts.audit = SqlAuditStore(database)
            parts.reload = world.reload
            parts.try_receiver = world.try_receiver
            parts.record_deployment = world.record
            parts.alerts = await SqlAlertStore.load(database)
            still = Clock(lambda: holder[0].now)
            silences = await SqlSilenceStore.load(database)
            paging = settings.paging
            parts.dispatcher = Dispatcher(
                parts.alerts,
                still,
                Routing(root=paging.root, receivers=paging.receivers, overlay=Muting(paging.muting, silences.book)),
                on_events=lambda: None,
                on_outbox=lambda _: None,
            )
            parts.silencing = Silencing(silences, still, Chance(2), changed=lambda: None)
            parts.maintaining = Maintaining(
                await SqlMaintenanceStore.load(database),
                still,
                windows=lambda: paging.muting.maintenance,
                destinations=paging.book.listeners,
                external_url=lambda: "",
                changed=lambda: None,
                on_outbox=lambda _: None,
            )
            parts.peer = Peer("world", url.removeprefix("http://"))
            incidents = SqlIncidentStore(database)
            playbook = Playbook(policies={"payments": PAYMENTS}, directory=ROSTER)
            parts.escalating = Escalating(
                store=incidents, queries=incidents, clock=still, chance=Chance(1), playbook=playbook
            )
            parts.rules = RuleScheduler(still, supervisor, _around(world))
            await parts.rules.start(groups)
        else:
            world.is_ready = False
        try:
            yield world
        finally:
            await server.stop()
            await supervisor.stop()
            probing.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            poller.close()
            resolver.close()
            await database.close()
