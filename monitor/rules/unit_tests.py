"""Running unit tests of rules: the production code in a time of its own, slots only.

All groups are evaluated at every evaluation interval, whatever their own interval says, with the samples up to then.
Firing alerts are compared after the evaluation that their time falls behind; expressions are asked when all is done.
Comparison is exact, with `fuzzy_compare` up to the neighbouring float. Source: prometheus cmd/promtool/unittest.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from monitor.columns.sink import SampleSink
from monitor.model.alerts import Alert, AlertState
from monitor.model.errors import UserError
from monitor.model.labels import Labels
from monitor.model.times import Millis, Timestamp, format_duration
from monitor.rules.evaluating import GroupRun, Surroundings
from monitor.rules.groups import RuleGroup
from monitor.rules.leaving import Leaving
from monitor.rules.ports import Querier, StoredAlert, StoredKey
from monitor.rules.status import Health
from monitor.rules.texts import World
from monitor.rules.unit_test_files import AlertCase, ExprCase, UnitTest, UnitTestFile


class Bench(Protocol):
    """An empty store and a querier on it, for one test."""

    @property
    def samples(self) -> SampleSink: ...

    @property
    def querier(self) -> Querier: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One expectation that did not hold."""

    test: str
    at: Millis
    """After the test's start."""
    subject: str
    """`alertname: X`, `expr: "..."` or `rule: X`."""
    expected: tuple[str, ...] = ()
    got: tuple[str, ...] = ()
    error: str = ""

    def __str__(self) -> str:
        """For people: what is missing is marked -, what was not expected +."""
        head = f"{self.subject}, time: {format_duration(self.at)}"
        if self.error:
            return f"{head}, err: {self.error}"
        lines = [f"  - {line}" for line in _without(self.expected, self.got)]
        lines += [f"  + {line}" for line in _without(self.got, self.expected)]
        lines += [f"    {line}" for line in self.expected if line in self.got]
        return "\n".join([head + ":", *lines])


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """What came of one test."""

    __test__ = False

    name: str
    failures: tuple[Failure, ...]
    fired: frozenset[tuple[str, int]] = frozenset()
    """The alerting rules that fired at some evaluation: group's key, and place in the group."""

    @property
    def passed(self) -> bool:
        return not self.failures


async def run_test(
    test: UnitTest, file: UnitTestFile, groups: Sequence[RuleGroup], bench: Callable[[Millis], Bench]
) -> TestResult:
    """Run one test over these groups. `bench` gives a new store for a default subquery step."""
    return await _Running(test, file, groups, bench(file.evaluation_interval)).result()


class Nobody:
    """Nobody is told, nothing is kept, nothing is counted."""

    async def accept(self, alerts: Sequence[Alert]) -> None:
        return

    def load(self) -> Sequence[StoredAlert]:
        return ()

    async def save(self, group: str, changed: Sequence[StoredAlert], removed: Sequence[StoredKey]) -> None:
        return

    def evaluated(self, group: str) -> None:
        return

    def failed(self, group: str) -> None:
        return

    def missed(self, group: str, slots: int) -> None:
        return


class _Running:
    def __init__(self, test: UnitTest, file: UnitTestFile, groups: Sequence[RuleGroup], bench: Bench) -> None:
        self.test = test
        self.fuzzy = file.fuzzy
        self.interval = file.evaluation_interval
        self.bench = bench
        nobody = Nobody()
        around = Surroundings(
            querier=bench.querier,
            samples=bench.samples,
            alerts=nobody,
            states=nobody,
            counters=nobody,
            monotonic=lambda: 0.0,
            warn=lambda where, error: None,
            world=World(external_labels=test.external_labels, external_url=test.external_url),
            leaving=Leaving(labels=test.external_labels),
        )
        ranks = {name: rank for rank, name in enumerate(file.group_order)}
        ordered = sorted(groups, key=lambda group: (ranks.get(group.name, 0), group.key))
        self.runs = [GroupRun(replace(group, interval=self.interval), around) for group in ordered]
        self.failures: list[Failure] = []
        self.fired: set[tuple[str, int]] = set()

    async def result(self) -> TestResult:
        test = self.test
        if test.problem:
            failure = Failure(test=test.name, at=0, subject="test", error=test.problem)
            return TestResult(name=test.name, failures=(failure,))
        await self._run()
        return TestResult(name=test.name, failures=tuple(self.failures), fired=frozenset(self.fired))

    async def _run(self) -> None:
        test = self.test
        waiting = sorted(test.alerts, key=lambda case: case.at)
        loaded = 0
        for after in range(0, test.end + 1, self.interval):
            now = test.start + after
            loaded = self._load(loaded, after)
            for run in self.runs:
                await run.slot(now)
                self._note_fired(run)
            if self._note_errors(after):
                return
            while waiting and waiting[0].at < after + self.interval:
                self._check_alerts(waiting.pop(0))
        for case in test.exprs:
            await self._check_expr(case, test.start + case.at)

    def _load(self, step: int, until: Millis) -> int:
        """Write the input from this step on, up to this time; the next step."""
        longest = max((len(series.values) for series in self.test.series), default=0)
        while step < longest and step * self.test.interval <= until:
            samples: list[tuple[Labels, float]] = []
            for series in self.test.series:
                value = series.values[step] if step < len(series.values) else None
                if value is not None:
                    samples.append((series.labels, value))
            if samples:
                self.bench.samples.append(self.test.start + step * self.test.interval, samples)
            step += 1
        return step

    def _note_fired(self, run: GroupRun) -> None:
        for place, rule in enumerate(run.rules):
            if any(alert.state is AlertState.FIRING for alert in rule.active.values()):
                self.fired.add((run.group.key, place))

    def _note_errors(self, after: Millis) -> bool:
        failures = [
            Failure(test=self.test.name, at=after, subject=f"rule: {rule.rule.name}", error=rule.last_error)
            for run in self.runs
            for rule in run.rules
            if rule.health is Health.BAD
        ]
        self.failures += failures
        return bool(failures)

    def _check_alerts(self, case: AlertCase) -> None:
        got = sorted(
            _shown_alert(alert.labels, alert.annotations)
            for run in self.runs
            for rule in run.rules
            if rule.rule.name == case.name
            for alert in rule.active.values()
            if alert.state is AlertState.FIRING
        )
        expected = sorted(_shown_alert(alert.labels, alert.annotations) for alert in case.alerts)
        if got != expected:
            self.failures.append(
                Failure(
                    test=self.test.name,
                    at=case.at,
                    subject=f"alertname: {case.name}",
                    expected=tuple(expected),
                    got=tuple(got),
                )
            )

    async def _check_expr(self, case: ExprCase, at: Timestamp) -> None:
        subject = f'expr: "{case.expr}"'
        try:
            answer = await self.bench.querier.instant(case.expr, at)
        except UserError as error:
            self.failures.append(Failure(test=self.test.name, at=case.at, subject=subject, error=str(error)))
            return
        got = sorted(((sample.labels, sample.value) for sample in answer), key=_by_labels)
        expected = sorted(case.samples, key=_by_labels)
        same = len(got) == len(expected) and all(
            ours[0] == theirs[0] and self._equal(ours[1], theirs[1]) for ours, theirs in zip(got, expected, strict=True)
        )
        if not same:
            self.failures.append(
                Failure(
                    test=self.test.name,
                    at=case.at,
                    subject=subject,
                    expected=tuple(_shown_sample(*sample) for sample in expected),
                    got=tuple(_shown_sample(*sample) for sample in got),
                )
            )

    def _equal(self, left: float, right: float) -> bool:
        if left == right or (math.isnan(left) and math.isnan(right)):
            return True
        return self.fuzzy and right in (math.nextafter(left, math.inf), math.nextafter(left, -math.inf))


def _by_labels(sample: tuple[Labels, float]) -> tuple[tuple[tuple[str, str], ...], float]:
    return (sample[0].pairs, sample[1])


def _shown_alert(labels: Labels, annotations: Labels) -> str:
    return f"Labels:{labels} Annotations:{annotations}"


def _shown_sample(labels: Labels, value: float) -> str:
    return f"{labels} {value!r}"


def _without(lines: Sequence[str], others: Sequence[str]) -> list[str]:
    return [line for line in lines if line not in others]
