"""Which rules of a group may be evaluated at once, and that this changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from monitor.model.samples import Vector
from monitor.model.times import MINUTE, Timestamp
from monitor.promql.nodes import Expr
from monitor.promql.parser import parse
from monitor.rules.dependencies import batches
from monitor.rules.evaluating import GroupRun
from monitor.rules.groups import AlertingRule
from monitor.rules.options import RuleOptions
from tests.support.rule_worlds import CountingQuerier, RuleWorld, groups_of


def record(name: str, expr: str) -> dict[str, Any]:
    return {"record": name, "expr": expr}


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ([record("a", "x"), record("b", "x")], [(0, 1)]),
        ([record("a", "x"), record("b", "a")], [(0,), (1,)]),
        ([record("a", "x"), record("b", "a"), record("c", "b"), record("d", "b")], [(0,), (1,), (2, 3)]),
        ([record("a", "x"), record("b", "y"), record("c", "a + b"), record("d", "c")], [(0, 1), (2,), (3,)]),
        ([record("b", "a"), record("a", "x")], [(0, 1)]),
        ([record("a", "x"), record("b", '{job="j"}')], [(0,), (1,)]),
        ([record("a", "x"), record("b", '{__name__=~"a|y"}')], [(0,), (1,)]),
        ([record("a", "x"), record("b", "rate(a[5m] offset 1h)")], [(0,), (1,)]),
        ([{"alert": "A", "expr": "x"}, record("n", 'count(ALERTS{alertname="A"})')], [(0,), (1,)]),
        ([{"alert": "A", "expr": "x"}, record("n", 'ALERTS_FOR_STATE{alertname=~"B|C"}')], [(0, 1)]),
        ([{"alert": "A", "expr": "x"}, record("n", "ALERTS")], [(0,), (1,)]),
        ([{"alert": "A", "expr": "x", "annotations": {"s": "{{ query `y` }}"}}, record("n", "z")], [(0,), (1,)]),
        ([], []),
    ],
    ids=[
        "independent",
        "chain",
        "first, middle, last",
        "a pair, then one, then one",
        "what is written later is of the last slot",
        "a selector of anything",
        "a pattern of names",
        "a range of the past",
        "an alert by its name",
        "other alerts",
        "all alerts",
        "a template that asks",
        "nothing",
    ],
)
def test_batches_follow_what_rules_read(rules: Sequence[Mapping[str, Any]], found: list[tuple[int, ...]]) -> None:
    """Those without dependencies, then the middle one by one, then those that nobody waits for; or all one by one."""
    assert batches(groups_of(*rules)[0].rules) == tuple(found)


def test_a_resolve_expression_is_a_dependency() -> None:
    """It reads as the rule's own expression does."""
    first, second = groups_of(record("a", "x"), {"alert": "A", "expr": "y"})[0].rules
    assert isinstance(second, AlertingRule)
    assert batches([first, replace(second, options=RuleOptions(resolve=parse("a < 1")))]) == ((0,), (1,))


class SlowQuerier(CountingQuerier):
    """Answers when as many questions are open as it waits for; counts how many were at most."""

    def __init__(self, inner: CountingQuerier, wanted: int) -> None:
        super().__init__(inner.inner)
        self.wanted = wanted
        self.open = self.most = 0
        self.enough = asyncio.Event()

    async def instant(self, query: Expr | str, at: Timestamp) -> Vector:
        self.open += 1
        self.most = max(self.most, self.open)
        if self.open >= self.wanted:
            self.enough.set()
        await self.enough.wait()
        try:
            return await super().instant(query, at)
        finally:
            self.open -= 1


async def test_independent_rules_are_asked_at_once_within_the_bound() -> None:
    """Two of three at a time; what depends on them comes after, and reads what they wrote."""
    world = RuleWorld()
    world.put(MINUTE, x=2)
    querier = SlowQuerier(world.querier, wanted=2)
    around = replace(world.around, querier=querier)
    rules = [record("a", "x"), record("b", "x + 1"), record("c", "x + 2"), record("sum", "a + b + c")]
    run = GroupRun(replace(groups_of(*rules)[0], parallel=2), around)
    await run.slot(MINUTE)
    assert querier.most == 2
    assert await world.read("sum", MINUTE) == {"sum": 9.0}
    assert world.counters.evaluations == 1


async def test_one_after_the_other_is_the_default() -> None:
    """As in Prometheus."""
    world = RuleWorld()
    querier = SlowQuerier(world.querier, wanted=1)
    run = GroupRun(groups_of(record("a", "x"), record("b", "x"))[0], replace(world.around, querier=querier))
    await run.slot(MINUTE)
    assert querier.most == 1
