"""Beyond Prometheus: hysteresis, missing data, hours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from monitor.calendar.hours import ActiveHours, days_of, span_of, zone_of
from monitor.model.alerts import AlertState
from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import HOUR, MINUTE, parse_rfc3339
from monitor.promql.parser import parse
from monitor.promql.printer import to_text
from monitor.rules.early import EarlyIndex
from monitor.rules.evaluating import GroupRun
from monitor.rules.groups import AlertingRule, RuleGroup
from monitor.rules.options import NoData, RuleOptions, data_expr
from monitor.rules.restore import restored
from tests.support.rule_worlds import RuleWorld, groups_of

_HOT: dict[str, Any] = {"alert": "Hot", "expr": "temp > 80", "labels": {"severity": "warning"}}
_COOL = RuleOptions(resolve=parse("temp < 60"), resolve_query="temp < 60")
_NIGHT = ActiveHours(zone=zone_of("UTC"), hours=(span_of("22:00-06:00"),), days=days_of(["mon-sun"]))


def group_with(rule: Mapping[str, Any], options: RuleOptions) -> RuleGroup:
    group = groups_of(rule)[0]
    (one,) = group.rules
    assert isinstance(one, AlertingRule)
    data = data_expr(one.expr) if options.no_data is not NoData.RESOLVE else None
    return replace(group, rules=(replace(one, options=replace(options, data=data)),))


def temp(world: RuleWorld, minute: int, **rooms: float) -> None:
    world.store.append(
        minute * MINUTE, [(Labels({"__name__": "temp", "room": room}), value) for room, value in rooms.items()]
    )


def states(run: GroupRun) -> dict[str, str]:
    """Room, or `` for the alert of none, to the state."""
    return {labels.get("room", ""): alert.state.value for labels, alert in run.rules[0].active.items()}


async def test_an_alert_fires_until_the_resolve_expression_holds() -> None:
    """Between the thresholds a firing alert goes on and a new one does not begin; below the lower one it ends."""
    world = RuleWorld()
    run = GroupRun(group_with(_HOT, _COOL), world.around)
    found: list[dict[str, str]] = []
    for minute, (a, b) in enumerate([(90, 20), (70, 70), (59, 70), (70, 70)]):
        temp(world, minute, a=a, b=b)
        await run.slot(minute * MINUTE)
        found.append(states(run))
    assert found == [{"a": "firing"}, {"a": "firing"}, {"a": "inactive"}, {"a": "inactive"}]


async def test_a_held_alert_says_why_it_still_fires() -> None:
    """In its report as the annotation `reason`, in its status, and in ALERTS as any firing one."""
    world = RuleWorld()
    run = GroupRun(group_with(_HOT, _COOL), world.around)
    for minute, value in enumerate([90, 70, 70, 70]):
        temp(world, minute, a=value)
        await run.slot(minute * MINUTE)
    assert "`resolve_expr` does not hold yet" in world.sink.reports[-1].annotations["reason"]
    (alert,) = run.status().rules[0].alerts
    assert alert.held is not None
    assert await world.read('ALERTS{alertstate="firing"}', 3 * MINUTE) != {}
    temp(world, 4, a=90)
    await run.slot(4 * MINUTE)
    assert run.status().rules[0].alerts[0].held is None


@pytest.mark.parametrize(
    ("resolve", "state"),
    [
        ("temp < 75", "inactive"),
        ("max by (room) (temp) < 75", "inactive"),
        ("max(temp) < 75", "inactive"),
        ('label_replace(temp, "shelf", "1", "", "") < 75', "firing"),
        ('temp{room="b"} < 75', "firing"),
        ("other < 75", "firing"),
    ],
    ids=["the same labels", "fewer", "none", "more", "of another one", "no data"],
)
async def test_whom_an_element_of_the_resolve_expression_speaks_for(resolve: str, state: str) -> None:
    """For every alert that has all of its labels."""
    world = RuleWorld()
    run = GroupRun(group_with(_HOT, RuleOptions(resolve=parse(resolve))), world.around)
    temp(world, 0, a=90, b=10)
    await run.slot(0)
    temp(world, 1, a=70, b=10)
    await run.slot(MINUTE)
    assert states(run) == {"a": state}


async def test_a_pending_alert_needs_no_resolve_expression() -> None:
    """Hysteresis is for what fired."""
    world = RuleWorld()
    run = GroupRun(group_with({**_HOT, "for": "5m"}, _COOL), world.around)
    temp(world, 0, a=90)
    await run.slot(0)
    temp(world, 1, a=70)
    await run.slot(MINUTE)
    assert states(run) == {}


async def test_keep_firing_for_begins_when_the_resolve_expression_holds() -> None:
    """The two are taken one after the other."""
    world = RuleWorld()
    run = GroupRun(group_with({**_HOT, "keep_firing_for": "2m"}, _COOL), world.around)
    found: list[str] = []
    for minute, value in enumerate([90, 70, 70, 70, 50, 50, 50]):
        temp(world, minute, a=value)
        await run.slot(minute * MINUTE)
        found.append(states(run)["a"])
    assert found == [*["firing"] * 6, "inactive"]


async def test_options_ask_only_what_they_must() -> None:
    """No second query while nothing is missing, and none at all for an ordinary rule."""
    world = RuleWorld()
    run = GroupRun(group_with(_HOT, replace(_COOL, no_data=NoData.KEEP)), world.around)
    for minute, value in enumerate([50, 90, 90]):
        temp(world, minute, a=value)
        await run.slot(minute * MINUTE)
    assert len(world.querier.asked) == 3
    temp(world, 3, a=70)
    await run.slot(3 * MINUTE)
    assert [text for text, _ in world.querier.asked[3:]] == ["temp > 80", "temp > bool 80", "temp < 60"]


async def test_a_restart_does_not_end_what_hysteresis_holds() -> None:
    """The state is stored; the next evaluation asks again."""
    world = RuleWorld()
    group = group_with(_HOT, _COOL)
    run = GroupRun(group, world.around)
    temp(world, 0, a=90)
    await run.slot(0)
    await run.save_all(0)
    again = GroupRun(group, world.around, restored(world.states.load(), group, 10 * MINUTE))
    temp(world, 13, a=70)
    await again.slot(13 * MINUTE)
    assert states(again) == {"a": "firing"}
    temp(world, 14, a=50)
    await again.slot(14 * MINUTE)
    assert states(again) == {"a": "inactive"}


def test_early_looks_follow_the_resolve_expression_too() -> None:
    """A result that may end an alert is looked at at once."""
    index = EarlyIndex([group_with(_HOT, RuleOptions(resolve=parse("fan == 1")))])
    assert len(index.concerned([Labels({"__name__": "fan"})])) == 1


@pytest.mark.parametrize(
    ("no_data", "hold", "found"),
    [
        (NoData.RESOLVE, "0s", {"a": "inactive"}),
        (NoData.KEEP, "0s", {"a": "firing"}),
        (NoData.ALERT, "0s", {"a": "firing"}),
        (NoData.RESOLVE, "3m", {}),
        (NoData.KEEP, "3m", {"a": "pending"}),
        (NoData.ALERT, "3m", {"a": "firing"}),
    ],
    ids=["ends", "kept", "goes on", "pending ends", "pending is kept", "pending goes on and fires"],
)
async def test_when_an_alerts_data_are_gone(no_data: NoData, hold: str, found: dict[str, str]) -> None:
    """Although other rooms have data; a room that merely is cool again ends under every choice."""
    world = RuleWorld()
    run = GroupRun(group_with({**_HOT, "for": hold}, RuleOptions(no_data=no_data)), world.around)
    temp(world, 0, a=90, b=20)
    await run.slot(0)
    temp(world, 1, a=STALE, b=20)
    for minute in range(1, 5):
        temp(world, minute, b=20)
        await run.slot(minute * MINUTE)
    assert states(run) == found
    temp(world, 5, a=20, b=20)
    await run.slot(5 * MINUTE)
    assert "firing" not in states(run).values()
    assert "pending" not in states(run).values()


async def test_a_rule_that_finds_nothing_at_all_is_an_alert() -> None:
    """After two intervals at least; with the labels that its selectors demand, and with the reason; it ends when anything
    is found."""
    world = RuleWorld()
    rule = {**_HOT, "expr": 'temp{site="x"} / limit{site="x",kind="y"} > 1', "annotations": {"s": "at {{ $value }}"}}
    run = GroupRun(group_with(rule, RuleOptions(no_data=NoData.ALERT)), world.around)
    path: list[str] = []
    for minute in range(3):
        await run.slot(minute * MINUTE)
        path += states(run).values()
    assert path == ["pending", "pending", "firing"]
    (report,) = world.sink.reports
    assert report.labels == Labels({"alertname": "Hot", "severity": "warning", "site": "x"})
    assert report.annotations["s"] == "at NaN"
    assert report.annotations["reason"].startswith("no data")
    assert report.value is not None
    assert math.isnan(report.value)
    world.store.append(3 * MINUTE, [(Labels({"__name__": "temp", "site": "x"}), 1.0)])
    world.store.append(3 * MINUTE, [(Labels({"__name__": "limit", "site": "x", "kind": "y"}), 9.0)])
    await run.slot(3 * MINUTE)
    assert states(run) == {"": "firing"}, "a quotient without a partner is no data either"
    world.store.append(4 * MINUTE, [(Labels({"__name__": "temp", "site": "x", "kind": "y"}), 1.0)])
    await run.slot(4 * MINUTE)
    assert states(run) == {"": "inactive"}


async def test_ambiguous_data_are_taken_as_there() -> None:
    """Without its filter the expression matches many to many; then an alert ends as Prometheus ends it."""
    world = RuleWorld()
    rule = {"alert": "A", "expr": "temp * on (room) (info == 1) > 80"}
    run = GroupRun(group_with(rule, RuleOptions(no_data=NoData.KEEP)), world.around)
    for minute, value in enumerate([90, 70]):
        temp(world, minute, a=value)
        infos = [(Labels({"__name__": "info", "room": "a", "n": str(n)}), float(n)) for n in (1, 2)]
        world.store.append(minute * MINUTE, infos)
        await run.slot(minute * MINUTE)
    assert states(run) == {"a": "inactive"}
    assert run.rules[0].last_error == ""


@pytest.mark.parametrize(
    ("expr", "data"),
    [
        ("a > 5", "a > bool 5"),
        ("a > 5 and b < 3", "a > bool 5 and b < bool 3"),
        ("a > 5 unless b < 3", "a > bool 5"),
        ("a > 5 or -(b == 3)", "a > bool 5 or -(b == bool 3)"),
        ("count by (x) (a == 0) > 1", "count by (x) (a == bool 0) > bool 1"),
        (
            "max_over_time((a > 1)[5m:]) > on (x) group_left () b",
            "max_over_time((a > bool 1)[5m:]) > bool on (x) group_left () b",
        ),
        ("rate(a[5m])", "rate(a[5m])"),
        ("a > 1 and absent(b)", None),
    ],
)
def test_what_an_expression_judges(expr: str, data: str | None) -> None:
    """Comparisons ask instead of filtering; what only excludes is left out; absence cannot be judged by its absence."""
    found = data_expr(parse(expr))
    assert (None if found is None else to_text(found)) == data


async def test_outside_its_hours_a_rule_has_no_alerts() -> None:
    """Even with hysteresis: what fires ends with them and begins anew, `for` included, when they begin again."""
    world = RuleWorld()
    options = replace(_COOL, active=_NIGHT, no_data=NoData.KEEP)
    run = GroupRun(group_with({**_HOT, "for": "1h"}, options), world.around)
    start = parse_rfc3339("2026-01-05T03:00:00Z")
    found: list[str] = []
    for hour in range(22):
        at = start + hour * HOUR
        world.store.append(at, [(Labels({"__name__": "temp", "room": "a"}), 90.0)])
        await run.slot(at)
        found.append(states(run).get("a", "-")[0])
    assert "".join(found) == "pff" + "i" + "-" * 15 + "pff"
    assert [step.after for step in world.transitions][-1] is AlertState.FIRING
    asked = {at for _, at in world.querier.asked}
    assert not any(start + 3 * HOUR <= at < start + 19 * HOUR for at in asked), "closed hours cost nothing"
