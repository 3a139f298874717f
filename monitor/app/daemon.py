"""The daemon: one process from configuration to shutdown.

The order of a start is for people who wait: read the file, listen, first probes; then what the probes feed. `/-/ready`
answers 503 until everything is up.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from monitor import __version__
from monitor.alerts.name_limit import NameLimit
from monitor.app.alertmanager_metrics import AlertmanagerState, alertmanager_exposition
from monitor.app.drivers import Drivers, Stores
from monitor.app.health import Health
from monitor.app.housekeeping import Housekeeping
from monitor.app.meters import PushCounters, exposition
from monitor.app.reloading import clashing, doubts, regrouped, relabelled
from monitor.app.rooms import Rooms
from monitor.app.sessions import Sessions
from monitor.app.testing import try_receiver
from monitor.app.texts import LateTexts
from monitor.app.upkeep import Upkeep
from monitor.chance import Chance
from monitor.clock import Clock
from monitor.config.configuration import Configuration
from monitor.config.overrides import Overrides
from monitor.config.reading import Reading, reread_web_file
from monitor.config.shipped import shipped_rules
from monitor.model.changes import AuditEntry
from monitor.model.errors import BugError, ConfigError, Finding, StoreError
from monitor.model.incidents import SYSTEM, Actor
from monitor.model.times import Timestamp
from monitor.net.asking import Asking
from monitor.notify.kinds.making import make_kinds
from monitor.notify.kinds.sending import Kind, Surroundings
from monitor.state.database import Database, WriterThread
from monitor.state.lock import DataLock
from monitor.supervise import Supervisor
from monitor.telemetry import DeferredLog, Telemetry
from monitor.web.guarding import Guard
from monitor.web.parts import Loaded, Parts, Peer, Trial, Tried
from monitor.web.server import Server

if TYPE_CHECKING:
    from monitor.app.lookout import Lookout

_RELOAD_SECONDS = 2.0
_DRAIN_SECONDS = 5.0
_GC_THRESHOLD = (5_000, 4, 500)
"""A look at five thousand new objects takes a millisecond, one at those of the last few looks some; one at all there are is
to be rare. See also `Upkeep`."""
_SWITCH = 0.001
"""Seconds that a worker thread may compute while the loop wants to: numpy lets go of the interpreter in each larger
operation, and then waits as long to have it back."""


async def run_daemon(
    configuration: Configuration,
    overrides: Overrides,
    *,
    print_line: Callable[[str], None],
    compose: Callable[[Configuration, Overrides, Callable[[str], None]], Daemon] | None = None,
) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code. Raises ConfigError, LockedError, StoreError before it is up. A reload
    reads by `overrides` again. `compose` is for compositions that differ in what `Daemon` lets them override."""
    daemon = (compose or Daemon)(configuration, overrides, print_line)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await daemon.start()
        loop.add_signal_handler(signal.SIGHUP, daemon.reload_soon)
        await stop.wait()
    finally:
        await daemon.stop()
    return 0


class Daemon:
    """Everything that lives in the process."""

    def __init__(self, configuration: Configuration, overrides: Overrides, print_line: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        self.configuration = configuration
        self._overrides = overrides
        self._print_line = print_line
        self.log = DeferredLog(configuration.log.form, configuration.log.level)
        self.telemetry = Telemetry(loop.time)
        self.telemetry.build.labels(__version__).set(1)
        self.clock = Clock(on_lag=self.telemetry.lag.observe)
        self.supervisor = Supervisor(self.clock, self._crashed)
        self.sessions = Sessions(loop, lambda: self.configuration)
        self._asking = Asking(self.sessions.scrapes)
        self._notifying = Asking(self.sessions.shared, self.sessions.trust)
        self.started_at: Timestamp = self.clock.now()
        self._loaded_at: Timestamp | None = None
        self._reloading = asyncio.Lock()
        self._stopping = False
        self._names = NameLimit(configuration.limits.alerts_per_name)
        self.drivers = Drivers(
            loop=loop,
            clock=self.clock,
            chance=Chance(),
            supervisor=self.supervisor,
            telemetry=self.telemetry,
            log=self.log,
            contexts=self.sessions.contexts,
            kinds=self._kinds,
        )
        self.lock: DataLock | None = None
        self.server: Server | None = None
        self._guard: Guard | None = None
        self.database: Database | None = None
        self.lookout: Lookout | None = None
        """None in Alertmanager's place."""
        self.rooms: Rooms | None = None
        self.parts: Parts | None = None

    async def start(self) -> None:
        """Come up. What fails here ends the process with its reason."""
        configuration = self.configuration
        storage = configuration.storage
        self.lock = DataLock.take(storage.folder, self.clock.now())
        self.database = Database.open(storage.database, WriterThread())
        stores = self.make_stores(self.database)
        listen = configuration.listen
        if not listen.in_place:
            self.lookout = self._look_out(stores)
        samples = self.lookout.samples if self.lookout is not None else None
        self.health = Health(version=__version__, supervisor=self.supervisor, database=self.database, store=samples)
        self.parts = self._first_parts()
        if listen.web_file is not None:
            self._guard = Guard(listen.web_file, read=reread_web_file, log=self.log)
        self.server = Server(self.parts, guard=self._guard)
        address = await self.server.start(listen.host, listen.port, *listen.also)
        if not listen.in_place:
            self._print_line(f"Watchkeeper {__version__} listens on {address}")
        if self.lookout is not None:
            await self.lookout.begin()
        await self._start_rest(address, stores, self.parts)
        if listen.in_place:  # whoever starts Alertmanager waits for these lines, and then asks at once
            for one in self.server.addresses:
                self.log.info("Listening on", address=one)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLD)
        sys.setswitchinterval(_SWITCH)
        gc.enable()

    def make_stores(self, database: Database) -> Stores:
        """The durable side; a test that kills the process at a given point puts its own in here."""
        return Stores(database)

    async def stop(self) -> None:
        """Go down: no new work, finish what is under way, write what is not written. Each step is taken whatever became of
        those before it; what failed is logged, and the last of it raised."""
        await self.log.open()
        began = self.clock.monotonic()
        if self.parts is not None:
            self.health.ready = False
        async with contextlib.AsyncExitStack() as steps:  # the last one is taken first
            if self.lock is not None:
                steps.callback(self.lock.release)
            if self.database is not None:
                steps.push_async_callback(self._step, self.database.close)
            if self.lookout is not None:
                steps.push_async_callback(self._step, self.lookout.close_samples)
            steps.push_async_callback(self._step, self.sessions.close)
            steps.push_async_callback(self._step, self._notifying.close)
            steps.push_async_callback(self._step, self._asking.close)
            if self.server is not None:
                steps.push_async_callback(self._step, self.server.stop)
            if self.lookout is not None:
                steps.push_async_callback(self._step, self.lookout.probes.close)
            steps.push_async_callback(self._step, self.supervisor.stop)
            if self.lookout is not None:
                steps.callback(self.lookout.end)
            if self.rooms is not None:
                steps.push_async_callback(self._step, self.rooms.stop, _DRAIN_SECONDS)
            steps.push_async_callback(self._step, self._end_reloads)
        self.log.info("stopped", seconds=round(self.clock.monotonic() - began, 2))

    def reload_soon(self) -> None:
        """SIGHUP."""

        async def work() -> None:
            # Whatever refuses a reload has been logged and is shown by /health.
            with contextlib.suppress(ConfigError, StoreError):
                await self.reload(SYSTEM)

        self.supervisor.start("reload", work())

    async def reload(self, actor: Actor) -> Sequence[Finding]:
        """Read the configuration again; returns its warnings. Raises ConfigError or StoreError, and then nothing has
        changed."""
        self._refuse_when_stopping()
        async with self._reloading:
            self._refuse_when_stopping()
            rooms = self.rooms
            if rooms is None:
                raise ConfigError([Finding(file="", line=0, path="", problem="still starting", remedy="try again")])
            try:
                fresh = await asyncio.to_thread(self._read_again)
                problems = self.lookout.findings(fresh) if self.lookout is not None else ()
                if problems:
                    raise ConfigError(problems)
                warnings = [*fresh.warnings, *doubts(self.configuration, fresh)]
                others = relabelled(self.configuration, fresh, rooms.watching.alerts() if rooms.watching else ())
                warnings += regrouped(fresh, await rooms.apply(fresh), others)
            except Exception as error:
                # whatever it was: nothing has changed, and everybody who looks is told so
                self.telemetry.reload_ok.set(0)
                self.telemetry.bad_input.labels("configuration").inc()
                self.health.reload_error = str(error)
                self.log.error("reload refused", findings=str(error))
                raise
            self.configuration = fresh
            if self.lookout is not None:
                self.lookout.configure(fresh)
            if self._guard is not None and fresh.listen.web_file is not None:
                self._guard.take(fresh.listen.web_file)
            self._reloaded()
            entry = AuditEntry(at=self.clock.now(), actor=actor, action="reload", subject="config", detail=fresh.file)
            try:
                warnings += clashing(fresh, await rooms.quiet.maintaining.clashes())
                await rooms.stores.audit.add(entry)
            except StoreError as error:  # the new configuration is in force; the log has to say so instead
                self.log.error("the reload is missing in the audit", actor=actor.name, error=str(error))
            self.log.info("reloaded", file=fresh.file, checks=len(fresh.checks), warnings=len(warnings))
            return warnings

    async def try_receiver(self, receiver: str, trial: Trial, actor: Actor) -> Sequence[Tried]:
        """Send a test notification through every integration of a receiver or person. Raises NotFoundError."""
        if self.rooms is None:
            raise StoreError("still starting")
        return await try_receiver(self.rooms, receiver, trial, actor)

    def _refuse_when_stopping(self) -> None:
        if self._stopping:
            raise ConfigError([Finding(file="", line=0, path="", problem="stopping", remedy="start it again")])

    async def _step(self, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        try:
            await work(*arguments)
        except Exception as error:
            self._crashed("stop", error)
            raise

    async def _end_reloads(self) -> None:
        """A reload under way may finish; none begins any more."""
        self._stopping = True
        try:
            async with asyncio.timeout(_RELOAD_SECONDS):
                await self._reloading.acquire()
        except TimeoutError:
            self.log.warning("a reload was cut off")

    def _read_again(self) -> Configuration:
        try:
            return Reading.of(self._overrides).finish()
        except (BugError, OSError) as error:
            # The child could not be begun, or was killed (no memory): what is in force is as good as before.
            problem, remedy = f"could not be read: {error}", "see the log, and try again"
            raise ConfigError([Finding(file="", line=0, path="", problem=problem, remedy=remedy)]) from error

    def _kinds(self, instance: str) -> Mapping[str, Kind]:
        texts = LateTexts(lambda: self.configuration.paging.templates)
        return make_kinds(
            Surroundings(
                instance=instance,
                session=self.sessions.shared,
                tls=self.sessions.trust,
                print_line=self._print_line,
                asking=lambda: self._notifying,
                rendered=texts,
                addresses=texts.addresses,
            )
        )

    def _look_out(self, stores: Stores) -> Lookout:
        # A daemon that is told everything does without twenty megabytes.
        from monitor.app.lookout import Lookout

        return Lookout(lambda: self.configuration, self.drivers, stores, self.sessions, self._asking)

    async def _start_rest(self, address: str, stores: Stores, parts: Parts) -> None:
        configuration, lookout = self.configuration, self.lookout
        await self.log.open()
        rooms = self.rooms = await Rooms.open(configuration, self.drivers, stores)
        if lookout is not None:
            await lookout.join(rooms, parts)
        await rooms.start()
        instance = address.partition("://")[2]
        upkeep = Upkeep(rooms, self.health, lookout.keep(rooms, instance) if lookout is not None else None)
        self.supervisor.keep("upkeep", upkeep.watch)
        jobs = [*upkeep.jobs(), *(lookout.jobs if lookout is not None else ())]
        self.supervisor.keep("housekeeping", Housekeeping(jobs, self.clock, self.log).drive)
        self._complete_parts(parts, rooms, instance)
        self._reloaded()
        self.health.ready = True
        for warning in configuration.warnings:
            self.log.warning("configuration", finding=str(warning))
        self.log.info(
            "ready",
            checks=len(configuration.checks),
            jobs=len(configuration.jobs),
            rule_groups=len(configuration.groups),
            shipped_rules=shipped_rules(configuration.groups),
            environment=configuration.environment or "(none)",
        )

    def _first_parts(self) -> Parts:
        """What the server can show before the rest is up."""
        parts = Parts(
            version=__version__,
            started_at=self.started_at,
            now=self.clock.now,
            log=self.log,
            configuration=lambda: self.configuration,
            health=self.health.report,
            ready=lambda: self.health.ready,
            exposition=self._exposition,
            observe=self._observe_answer,
            refused=lambda kind: self.telemetry.bad_input.labels(kind).inc(),
            loaded=lambda: Loaded(not self.health.reload_error, self._loaded_at),
        )
        if self.lookout is not None:
            self.lookout.show(parts)
        return parts

    def _observe_answer(self, route: str, method: str, code: str, seconds: float) -> None:
        self.telemetry.http_seconds.labels(route, method, code).observe(seconds)

    def _exposition(self) -> bytes:
        rooms = self.rooms
        if rooms is None:
            return exposition(self.telemetry.registry)
        state = AlertmanagerState(
            configuration=self.configuration,
            reloaded_at=self._loaded_at,
            reload_failed=bool(self.health.reload_error),
            groups=rooms.groups.count(),
            limited=self._names.refused,
            gets=self.server.gets if self.server is not None else None,
        )
        return exposition(self.telemetry.registry) + alertmanager_exposition(self.telemetry, state)

    def _complete_parts(self, parts: Parts, rooms: Rooms, address: str) -> None:
        parts.escalating = rooms.escalating
        parts.outbox = rooms.stores.outbox
        parts.audit = rooms.stores.audit
        parts.alerts = rooms.groups
        parts.dispatcher = rooms.dispatcher
        parts.silencing = rooms.silencing
        parts.maintaining = rooms.quiet.maintaining
        parts.admit = self._names.admit
        if self.configuration.listen.cluster:
            parts.peer = Peer(rooms.instance, address)
        parts.count_pushed = PushCounters(self.telemetry).count
        parts.record_deployment = rooms.deployments.record
        parts.reload = self.reload
        parts.try_receiver = self.try_receiver

    def _reloaded(self) -> None:
        self.health.reload_error = ""
        self.telemetry.reload_ok.set(1)
        self._loaded_at = self.clock.now()
        self.telemetry.reload_time.set(self._loaded_at / 1000)

    def _crashed(self, name: str, error: BaseException) -> None:
        self.telemetry.task_crashes.labels(name.partition("/")[0].partition(" ")[0]).inc()
        self.log.error("task crashed", task=name, error=f"{type(error).__name__}: {error}", exc_info=error)
