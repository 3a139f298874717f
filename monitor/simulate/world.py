"""A whole daemon in virtual time, with scripted neighbours.

The rooms are the production ones, wired by `app.rooms`; only the clock, the dice, the place where the database works and
the kinds at both ends differ. What survives a crash in production survives one here: the database and the samples. All
times that this module gives are milliseconds of the story, which the wall clock's jumps do not move.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, cast

from prometheus_client import CollectorRegistry

from monitor import __version__
from monitor.alerts.step import AlertStep
from monitor.app.drivers import Drivers, Stores
from monitor.app.health import Health
from monitor.app.own_metrics import OwnMetrics
from monitor.app.probes import Outside, Probes
from monitor.app.querying import EmbeddedQuerier
from monitor.app.rooms import Rooms
from monitor.app.sample_upkeep import SampleUpkeep
from monitor.app.upkeep import Upkeep
from monitor.app.watching import Watching
from monitor.chance import Chance
from monitor.config.configuration import Configuration
from monitor.model.checks import Check, Expect, FailureReason, HealthState, Outcome
from monitor.model.errors import PeerError
from monitor.model.notifications import (
    Delivered,
    DeliveryOutcome,
    Message,
    MessageKind,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.times import DAY, Millis, Timestamp
from monitor.notify.attempts import Repeats
from monitor.notify.kinds.catalogue import CATALOGUE as NOTIFY_KINDS
from monitor.notify.kinds.sending import Kind as NotifyKind
from monitor.notify.kinds.sending import Sending
from monitor.notify.throttling import Toll
from monitor.probe.answers import Answer as ProbeAnswer
from monitor.probe.assess import assess
from monitor.probe.dialects import read_body
from monitor.probe.expect import Expectations
from monitor.probe.kinds import CATALOGUE as PROBE_KINDS
from monitor.probe.kinds import CatalogueEntry
from monitor.probe.kinds.kind import Done, Instruments, Kind
from monitor.promql.engine import Options
from monitor.scrape.jobs import ScrapeJob
from monitor.scrape.scraped import Answer
from monitor.scrape.scraping import Told
from monitor.scrape.targets import Target
from monitor.simulate.loop import VirtualLoop, VirtualTime
from monitor.state.database import Database, Inline
from monitor.supervise import Supervisor
from monitor.telemetry import Telemetry
from monitor.tsdb.store import SampleStore

START: Final[Timestamp] = 1_767_225_600_000
"""2026-01-01T00:00:00Z, where stories begin unless they say otherwise."""

_PERSON: Final = "user:"
_DRAIN_SECONDS: Final = 5.0


class Line(Enum):
    """What happens to messages for somebody."""

    GOOD = "good"
    """They arrive."""
    BUSY = "busy"
    """The vendor refuses for now."""
    DEAD = "dead"
    """The vendor refuses for good."""
    SILENT = "silent"
    """They vanish, and no answer comes back."""
    DROPPING = "dropping"
    """They arrive, and the answer is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message that arrived."""

    at: Millis
    who: str
    """A person's name, or the receiver or channel."""
    kind: MessageKind
    repeated: bool
    """Marked as a possible repeat."""
    integration: str
    message: Message


class World:
    """Call `start` on its loop, then let the time pass. `loop` is made by the world; see `simulate.loop.run`."""

    def __init__(
        self, configuration: Configuration, *, start: Timestamp = START, seed: int = 0, upkeep: bool = True
    ) -> None:
        """`upkeep`: the daemon looks after itself twice a minute; nothing that a page depends on is there."""
        self.configuration = configuration
        self._upkeep = upkeep
        self.loop = VirtualLoop()
        self.time = VirtualTime(self.loop, start)
        self.clock = self.time.clock
        self.samples = SampleStore.in_memory(DAY)
        self.database = Database.open(None, Inline())
        self.chance = Chance(seed)
        self.states: dict[str, Outcome] = {}
        """By the check's name: how its attempts end now; healthy when it is not named."""
        self.bodies: dict[str, bytes] = {}
        """By the scraped URL: what it answers; not named ones refuse."""
        self.lines: dict[str, Line] = {}
        """By who is told, or who and how (`ana/slack`); good when not named."""
        self.heard: list[Heard] = []
        self.attempts: list[tuple[Millis, str]] = []
        """Every attempt to tell somebody."""
        self.log = Journal()
        self.crashes: list[str] = []
        self.watch: Callable[[AlertStep], None] = lambda _: None
        """Sees each decision about alerts."""
        self.rooms: Rooms | None = None
        self._probes: Probes | None = None
        self._supervisor: Supervisor | None = None

    def __repr__(self) -> str:
        return f"World({self.elapsed} ms, heard={len(self.heard)}, {'up' if self.rooms else 'down'})"

    @property
    def elapsed(self) -> Millis:
        """Since the story began."""
        return round(self.loop.time() * 1000)

    @property
    def running(self) -> Rooms:
        """The rooms. Raises RuntimeError while the daemon is down."""
        if self.rooms is None:
            raise RuntimeError(f"the daemon is down at {self.elapsed} ms")
        return self.rooms

    @property
    def probes(self) -> Probes:
        """The checks. Raises RuntimeError while the daemon is down."""
        if self._probes is None:
            raise RuntimeError(f"the daemon is down at {self.elapsed} ms")
        return self._probes

    async def start(self) -> None:
        """The daemon starts, on whatever the one before left behind."""
        self.samples = self.samples.restarted(self.clock.now())
        supervisor = Supervisor(self.clock, self._crashed)
        telemetry = Telemetry(self.loop.time)
        drivers = Drivers(
            loop=self.loop,
            clock=self.clock,
            chance=self.chance,
            supervisor=supervisor,
            telemetry=telemetry,
            log=self.log,
            kinds=self._notify_kinds,
            watch=self.watch,
        )
        self._supervisor = supervisor
        stores = Stores(self.database)
        probes = self._probes = Probes(self.configuration, drivers, self.outside(), self.samples, stores)
        await probes.start()
        querier = EmbeddedQuerier(self.samples, Options(), self.loop.time)
        rooms = self.rooms = await Rooms.open(self.configuration, drivers, stores)
        watching = await Watching.open(rooms, probes, querier)
        await rooms.start()
        if self._upkeep:
            health = Health(version=__version__, supervisor=supervisor, database=self.database, store=self.samples)
            # The daemon's own metrics are not part of a story; an empty registry keeps long ones quick.
            own = OwnMetrics(CollectorRegistry(), probes.quiet_sink, "story")
            look = SampleUpkeep(watching, drivers, self.samples, own).look
            supervisor.keep("upkeep", Upkeep(rooms, health, look).watch)

    def outside(self) -> Outside:
        """What checks and scrapes meet: the story."""
        return Outside(fetch=_ScriptedFetch(self), finders={}, probe_kinds=self._probe_kinds())

    async def reload(self, configuration: Configuration) -> None:
        """The daemon takes over another configuration."""
        self.configuration = configuration
        await self.running.apply(configuration)

    async def stop(self) -> None:
        """The daemon goes down in good order."""
        await self.running.stop(_DRAIN_SECONDS)
        await self.crash()

    async def crash(self) -> None:
        """The daemon is gone from one instant to the next."""
        self.rooms = None
        if self._supervisor is not None:
            await self._supervisor.stop()
        if self._probes is not None:
            await self._probes.close()
        self._supervisor = self._probes = None

    def _crashed(self, name: str, error: BaseException) -> None:
        self.crashes.append(f"{name}: {type(error).__name__}: {error}")

    def _probe_kinds(self) -> Mapping[str, CatalogueEntry]:
        def make(instruments: Instruments) -> Kind[object]:
            return cast("Kind[object]", _ScriptedProbe(self, instruments))

        # Heartbeats are reported to, not attempted: the production kind needs no network.
        return {
            name: entry if name == "heartbeat" else replace(entry, make=make) for name, entry in PROBE_KINDS.items()
        }

    def _notify_kinds(self, instance: str) -> Mapping[str, NotifyKind]:
        return {name: _Recording(self, name) for name in NOTIFY_KINDS}


def healthy(took: float = 0.0, version: str = "") -> Outcome:
    """An attempt that ends well, after so many seconds."""
    return Outcome(
        success=True, state=HealthState.HEALTHY, started=0, took=took, status_code=200, version=version, ip_protocol=4
    )


def reporting(healthy: bool, components: Mapping[str, str]) -> Outcome:
    """A health answer, with status 200 or 503, that has a word for the whole and for each component; read and judged as in
    production."""
    words = {"status": "healthy" if healthy else "unhealthy", **components}
    answer = ProbeAnswer(now=0, took=0.0, status=200 if healthy else 503, body=json.dumps(words).encode())
    reading = read_body(answer)
    found = assess(Expectations(Expect()).shortfalls(answer), reading)
    return Outcome(
        success=found.state is not HealthState.UNHEALTHY,
        state=found.state,
        started=0,
        reason=found.reason,
        text=found.text,
        status_code=answer.status,
        ip_protocol=4,
        reading=reading,
    )


def refused() -> Outcome:
    """Nobody listens."""
    return _bad(FailureReason.CONNECTION_REFUSED, 0.0)


def hanging(timeout: Millis) -> Outcome:
    """The attempt ends at its timeout."""
    return _bad(FailureReason.TIMEOUT, timeout / 1000)


class Journal:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, Mapping[str, object]]] = []

    def debug(self, event: str, **facts: object) -> None:
        self.lines.append(("debug", event, facts))

    def info(self, event: str, **facts: object) -> None:
        self.lines.append(("info", event, facts))

    def warning(self, event: str, **facts: object) -> None:
        self.lines.append(("warning", event, facts))

    def error(self, event: str, **facts: object) -> None:
        self.lines.append(("error", event, facts))


def _bad(reason: FailureReason, took: float) -> Outcome:
    return Outcome(
        success=False, state=HealthState.UNHEALTHY, started=0, took=took, reason=reason, text=reason.sentence
    )


class _ScriptedProbe:
    """Attempts that end as the world says, after the outcome's own duration."""

    def __init__(self, world: World, instruments: Instruments) -> None:
        self._world = world
        self._instruments = instruments
        self._under_way: set[asyncio.TimerHandle] = set()

    def prepare(self, check: Check) -> object:
        return check.name

    def start(self, batch: Sequence[tuple[int, object]], deadline: float, done: Done) -> None:
        loop = self._instruments.loop
        started = self._instruments.clock.now()
        for slot, name in batch:
            outcome = replace(self._world.states.get(str(name), _FINE), started=started)
            if outcome.took <= 0:
                loop.call_soon(done, slot, outcome)
                continue
            self._later(min(loop.time() + outcome.took, deadline), lambda s=slot, o=outcome: done(s, o))

    def close(self) -> None:
        for handle in self._under_way:
            handle.cancel()

    def _later(self, when: float, work: Callable[[], None]) -> None:
        def end() -> None:
            self._under_way.discard(handle)
            work()

        handle = self._instruments.loop.call_at(when, end)
        self._under_way.add(handle)


class _ScriptedFetch:
    """Scraped targets that answer with the world's bodies."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ask(self, job: ScrapeJob, target: Target, done: Callable[[Told], None]) -> None:
        body = self._world.bodies.get(target.url)
        if body is None:
            done(PeerError("connection refused"))
        else:
            done(Answer(body=body, content_type="text/plain; version=0.0.4"))


class _Recording:
    """A channel that writes down what arrives."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name

    def takes(self, message: Message, options: object) -> str:
        return ""

    def repeats(self, options: object) -> Repeats:
        return Repeats.HARMLESS if self._name == "pagerduty" else Repeats.VISIBLE

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        return ()

    def deliver(self, sending: Sending) -> Coroutine[Any, Any, DeliveryOutcome]:
        return self._deliver(sending)

    async def close(self) -> None:
        """It holds nothing."""

    async def _deliver(self, sending: Sending) -> DeliveryOutcome:
        world = self._world
        who = sending.row.destination.receiver.removeprefix(_PERSON)
        line = world.lines.get(f"{who}/{self._name}", world.lines.get(who, Line.GOOD))
        world.attempts.append((world.elapsed, who))
        match line:
            case Line.BUSY:
                return RetryLater("scripted: try again later")
            case Line.DEAD:
                return Rejected("scripted: no such address")
            case Line.SILENT:
                await world.loop.create_future()
            case Line.GOOD | Line.DROPPING:
                world.heard.append(
                    Heard(
                        at=world.elapsed,
                        who=who,
                        kind=sending.message.kind,
                        repeated=sending.uncertain and self.repeats(sending.options) is Repeats.VISIBLE,
                        integration=self._name,
                        message=sending.message,
                    )
                )
        return Unknown("scripted: the answer is lost") if line is Line.DROPPING else Delivered(sending.row.dedupe_key)


_FINE: Final = healthy()
