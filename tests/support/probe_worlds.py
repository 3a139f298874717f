"""Probing in virtual time: scripted attempts on a loop that jumps."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from monitor.columns.sink import SampleSink
from monitor.model.checks import Check, FailureReason, HealthState, Outcome, Verdict
from monitor.model.errors import StoreError
from monitor.model.times import Timestamp
from monitor.net.poller import Poller
from monitor.net.resolve import Resolver
from monitor.net.tls import Contexts
from monitor.probe.kinds import CATALOGUE, CatalogueEntry
from monitor.probe.kinds.http_target import HttpOptions
from monitor.probe.kinds.kind import Done, Instruments
from monitor.probe.memory import SavedCheck
from monitor.probe.probing import Probing
from monitor.probe.series import HTTP
from monitor.probe.verdict import Event
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from tests.support.sinks import FakeSink

START: Timestamp = 1_700_000_000_000


@dataclass
class FakeStore:
    """A CheckStateStore in memory."""

    kept: dict[str, SavedCheck] = field(default_factory=dict[str, SavedCheck])
    failures: int = 0
    """So many saves fail from now on."""

    async def load(self) -> Mapping[str, SavedCheck]:
        return dict(self.kept)

    async def save(self, changes: Mapping[str, SavedCheck]) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")
        self.kept.update(changes)


def good(took: float = 0.01, version: str = "") -> Outcome:
    return Outcome(success=True, state=HealthState.HEALTHY, started=0, took=took, version=version, status_code=200)


def refused() -> Outcome:
    return Outcome(
        success=False,
        state=HealthState.UNHEALTHY,
        started=0,
        took=0.0,
        reason=FailureReason.CONNECTION_REFUSED,
        text="connection refused",
    )


def hung(took: float = 5.0) -> Outcome:
    return Outcome(
        success=False, state=HealthState.UNHEALTHY, started=0, took=took, reason=FailureReason.TIMEOUT, text="no answer"
    )


class FakeKind:
    """Attempts that end as `behave(target, now)` says, after the outcome's own duration."""

    def __init__(self, world: World, instruments: Instruments) -> None:
        self._world = world
        self._instruments = instruments

    def prepare(self, check: Check) -> object:
        if not check.target:
            raise ValueError("target is missing")
        return check.target

    def start(self, batch: Sequence[tuple[int, object]], deadline: float, done: Done) -> None:
        loop = self._instruments.loop
        for slot, prepared in batch:
            target = str(prepared)
            now = self._instruments.clock.now()
            self._world.starts.append((now - START, target))
            result = self._world.behave(target, now - START)
            outcome = replace(result, started=now)
            loop.call_at(min(deadline, loop.time() + result.took), done, slot, outcome)

    def close(self) -> None:
        pass


class World:
    """One story: what targets do, and what came of it. Times are milliseconds since the start of the story."""

    def __init__(
        self, behave: Callable[[str, int], Outcome], *, eager: bool = True, sink: SampleSink | None = None
    ) -> None:
        self.behave = behave
        self.loop = VirtualLoop()
        self.time = VirtualTime(self.loop, START)
        self.sink = FakeSink()
        self.store = FakeStore()
        self.starts: list[tuple[int, str]] = []
        self.results: list[tuple[int, str, Verdict]] = []
        self.events: list[tuple[int, Event]] = []
        instruments = Instruments(
            loop=self.loop,
            clock=self.time.clock,
            poller=Poller(self.loop),
            resolver=Resolver(self.loop),
            contexts=Contexts(),
            spawn=lambda name, work: self.loop.create_task(work, name=name),
            user_agent="test",
        )
        fake = CatalogueEntry(HttpOptions, lambda tools: FakeKind(self, tools), HTTP, lambda _: None)
        self.probing = Probing(
            instruments,
            self.sink if sink is None else sink,
            on_result=self._result,
            on_event=lambda event: self.events.append((self.now, event)),
            store=self.store,
            eager=eager,
            catalogue={**CATALOGUE, "fake": fake},
        )

    @property
    def now(self) -> int:
        return self.time.now() - START

    async def until(self, at: int) -> None:
        """Let the story go on to this time."""
        await self.time.clock.sleep(at - self.now)

    def play(self, story: Coroutine[object, object, None]) -> None:
        """Run the story to its end."""

        async def whole() -> None:
            await story
            self.probing.close()

        run(whole(), self.loop)

    def _result(self, check: Check, outcome: Outcome, verdict: Verdict) -> None:
        self.results.append((self.now, check.name, verdict))


def fake_check(name: str = "api", **changes: Any) -> Check:
    """A check of the scripted kind."""
    return replace(Check(name=name, kind="fake", target=f"fake://{name}"), **changes)
