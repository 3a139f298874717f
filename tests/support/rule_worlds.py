"""What rules need around them in tests: a store in memory, an alert sink, a state store, counters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from monitor.model.alerts import Alert, AlertTransition
from monitor.model.errors import StoreError
from monitor.model.labels import Labels
from monitor.model.samples import Series, Vector
from monitor.model.times import DAY, MINUTE, Millis, Timestamp
from monitor.promql.engine import Options
from monitor.promql.nodes import Expr
from monitor.rules.evaluating import Surroundings
from monitor.rules.groups import RuleGroup
from monitor.rules.inline import InlineQuerier
from monitor.rules.leaving import Leaving
from monitor.rules.ports import StoredAlert, StoredKey
from monitor.rules.rule_files import Defaults, read_document
from monitor.rules.texts import World
from monitor.tsdb.store import SampleStore


def groups_of(*rules: Mapping[str, Any], file: str = "r.yml", name: str = "g", **keys: object) -> tuple[RuleGroup, ...]:
    """One group of these rules, as a rule file has them."""
    document = {"groups": [{"name": name, "rules": list(rules), **keys}]}
    groups, problems = read_document(document, file, Defaults())
    assert not problems, [str(problem) for problem in problems]
    return groups


class MemoryBench:
    """Implements `unit_tests.Bench`."""

    def __init__(self, subquery_step: Millis = MINUTE) -> None:
        self.samples = SampleStore.in_memory(200 * 365 * DAY)
        self.querier = InlineQuerier(self.samples.view, Options(default_subquery_step=subquery_step))


@dataclass
class CountingQuerier:
    """Counts the questions put to another one."""

    inner: InlineQuerier
    asked: list[tuple[str, Timestamp]] = field(default_factory=list[tuple[str, Timestamp]])
    failing: Exception | None = None
    meanwhile: Callable[[str], None] = lambda text: None
    """What happens while a query is answered."""

    async def instant(self, query: Expr | str, at: Timestamp) -> Vector:
        if self.failing is not None:
            raise self.failing
        text = self.inner.compiled(query).text
        self.asked.append((text, at))
        self.meanwhile(text)
        return await self.inner.instant(query, at)

    async def range(self, query: Expr | str, start: Timestamp, end: Timestamp, step: Millis) -> Sequence[Series]:
        return await self.inner.range(query, start, end, step)


@dataclass
class FakeAlertSink:
    """Remembers every report."""

    reports: list[Alert] = field(default_factory=list[Alert])
    failing: bool = False
    calls: int = 0

    async def accept(self, alerts: Sequence[Alert]) -> None:
        if self.failing:
            raise StoreError("no")
        self.calls += 1
        self.reports.extend(alerts)


@dataclass
class FakeRuleStateStore:
    """Keeps rows in a dict."""

    rows: dict[tuple[str, str, int, Labels], StoredAlert] = field(
        default_factory=dict[tuple[str, str, int, Labels], StoredAlert]
    )
    failing: bool = False
    saves: int = 0

    def load(self) -> Sequence[StoredAlert]:
        return tuple(self.rows.values())

    def save(self, group: str, changed: Sequence[StoredAlert], removed: Sequence[StoredKey]) -> Awaitable[None]:
        return self._save(group, changed, removed)

    async def _save(self, group: str, changed: Sequence[StoredAlert], removed: Sequence[StoredKey]) -> None:
        if self.failing:
            raise StoreError("no")
        self.saves += 1
        for row in changed:
            self.rows[group, row.rule, row.number, row.alert.labels] = row
        for key in removed:
            self.rows.pop((group, key.rule, key.number, key.labels), None)


@dataclass
class FakeRuleCounters:
    """Counts."""

    evaluations: int = 0
    failures: int = 0
    missed_slots: int = 0

    def evaluated(self, group: str) -> None:
        self.evaluations += 1

    def failed(self, group: str) -> None:
        self.failures += 1

    def missed(self, group: str, slots: int) -> None:
        self.missed_slots += slots


class RuleWorld:
    """All of it together."""

    def __init__(self, monotonic: Callable[[], float] = lambda: 0.0) -> None:
        bench = MemoryBench()
        self.store = bench.samples
        self.querier = CountingQuerier(bench.querier)
        self.sink = FakeAlertSink()
        self.states = FakeRuleStateStore()
        self.counters = FakeRuleCounters()
        self.transitions: list[AlertTransition] = []
        self.around = Surroundings(
            querier=self.querier,
            samples=self.store,
            alerts=self.sink,
            states=self.states,
            counters=self.counters,
            monotonic=monotonic,
            warn=lambda where, error: None,
            changed=self.transitions.extend,
            world=World(external_url="http://w"),
        )

    def put(self, at: Timestamp, **values: float) -> None:
        """Samples of series without labels."""
        self.store.append(at, [(Labels({"__name__": name}), value) for name, value in values.items()])

    async def read(self, query: str, at: Timestamp) -> dict[str, float]:
        """What a query gives, by the series' text."""
        return {str(sample.labels): sample.value for sample in await self.querier.inner.instant(query, at)}

    def path(self) -> list[str]:
        """The transitions so far, as `before=>after@time`."""
        return [f"{step.before.value}=>{step.after.value}@{step.at}" for step in self.transitions]

    def note_crashes(self) -> list[str]:
        """What our own faults do from now on: they are noted here, as `group;rule: error`, and the other rules go on."""
        crashes: list[str] = []

        def note(where: str, error: Exception) -> None:
            crashes.append(f"{where}: {error!r}")

        self.around = replace(self.around, crashed=note)
        return crashes

    def leave_with(self, **labels: str) -> None:
        self.around = replace(self.around, leaving=Leaving(labels=Labels(labels)))
