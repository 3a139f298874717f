"""routes.json, timeintervals.json, inhibition.json: what Alertmanager's configuration decides about an alert."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from monitor.alerts.inhibition import Inhibition, InhibitRule
from monitor.alerts.routes import Route
from monitor.calendar.intervals import TimeInterval, interval_document, names_containing
from monitor.config.alertmanager_file import read_alertmanager
from monitor.config.findings import Findings
from monitor.config.muting import (
    InhibitRuleSection,
    TimeIntervalSection,
    read_inhibit_rule,
    read_interval,
)
from monitor.config.route_tree import Place, RouteSection, route_tree
from monitor.config.yamltree import Document, read
from monitor.matching.parse import Syntax
from monitor.model.alerts import Alert
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import Timestamp, parse_duration, parse_rfc3339
from tests.conformance.cases import Case, Check

_NEVER: Timestamp = 1 << 60
Fields = Mapping[str, Any]


# -- routes ---------------------------------------------------------------------------------------------------------------


def check_routes(case: Case) -> None:
    data = case.data
    match case.kind:
        case "match":
            found = [_route_fields(route) for route in _tree(data["route"]).match(Labels(data["labels"]))]
            wanted = [
                {**one, **{key: parse_duration(one[key]) for key in one if key.endswith(("_wait", "_interval"))}}
                for one in data["result"]
            ]
            assert found == wanted, f"found {found}"
        case "walk":
            found = [route.receiver for route in _tree(data["route"]).walk()]
            assert found == data["receivers"], f"found {found}"
        case "ids":
            found = {route.id for route in _tree(data["route"]).walk()}
            assert found == set(data["ids"]), f"found {found}"
        case "group_by_all":
            for node in data["nodes"]:
                found = _below(_tree(data["route"]), node["path"])
                assert found.group_by_all == node["group_by_all"], f"{node['path']}"
        case "route_labels":
            (route,) = _tree(data["route"]).match(Labels(data["labels"]))
            assert dict(route.labels) == data["route_labels"], f"found {route.labels}"
        case "group_labels":
            route = Route(receiver="", group_by=frozenset(data["group_by"]), group_by_all=data["group_by_all"])
            assert dict(route.group_labels(Labels(data["labels"]))) == data["group_labels"]
        case "amtool_routes_test":
            document = read(data["config"], "config.yml")
            parts = read_alertmanager(document, document.tree, (), Findings(), lambda path: path)
            assert parts is not None, "the configuration is refused"
            found = [route.receiver for route in parts.root.match(Labels(data["labels"]))]
            assert found == data["receivers"], f"found {found}"
        case other:
            raise AssertionError(f"unknown kind {other}")


def _below(route: Route, path: list[int]) -> Route:
    return _below(route.children[path[0]], path[1:]) if path else route


def _tree(text: str) -> Route:
    document, findings = read(text, "route.yml"), Findings()
    section = findings.validate(RouteSection, document, document.tree)
    assert section is not None, f"{findings.all}"
    names = {one.receiver for one in _sections(section)}
    place = Place(document=document, path=(), findings=findings, receivers=names, intervals=())
    root = route_tree(section, place)
    assert not findings.errors, f"{findings.errors}"
    return root


def _sections(section: RouteSection) -> list[RouteSection]:
    return [section, *(below for child in section.routes for below in _sections(child))]


def _route_fields(route: Route) -> Fields:
    return {
        "receiver": route.receiver,
        "group_by": sorted(route.group_by),
        "group_by_all": route.group_by_all,
        "group_wait": route.group_wait,
        "group_interval": route.group_interval,
        "repeat_interval": route.repeat_interval,
        "labels": dict(route.labels),
        "key": route.key,
    }


# -- time intervals -------------------------------------------------------------------------------------------------------


def check_intervals(case: Case) -> None:
    data = case.data
    match case.kind:
        case "contains":
            intervals = [_parsed(data["interval"])]
            if data["yaml"] is not None:
                intervals.append(_read_interval(json.dumps(data["yaml"])))
                assert intervals[0] == intervals[1], f"read {intervals[1]}"
            for interval in intervals:
                _check_instants(data, [interval])
        case "time_range":
            try:
                interval = _read_interval(f"times: [{data['in']}]")
            except ValueError as error:
                assert data["error"], f"refused: {error}"
                return
            assert not data["error"], f"read {interval}"
            assert interval.times == (tuple(data["minutes"]),), f"read {interval.times}"
        case "yaml_list":
            _check_list(data)
        case "yaml_one":
            _check_instants(data, [_again(_read_interval(data["in"]))])
        case "mutes" | "mute_stage":
            assert _holding(data) == data["muted_by"], f"held {_holding(data)}"
        case "active_stage":
            muted_by = [] if _holding(data) else sorted(data["intervals"])
            assert muted_by == data["muted_by"], f"muted by {muted_by}"
        case other:
            raise AssertionError(f"unknown kind {other}")


def _check_list(data: Fields) -> None:
    try:
        found = _read_intervals(data["in"])
    except ValueError as error:
        wanted = data["error"]
        assert wanted, f"refused: {error}"
        assert wanted is True or str(error) == wanted, f"said {error}"
        return
    assert not data["error"], f"read {found}"
    assert found == [_parsed(one) for one in data["intervals"]], f"read {found}"
    _check_instants(data, [_again(one) for one in found])


def _holding(data: Fields) -> list[str]:
    intervals = {name: tuple(_read_intervals(json.dumps(some))) for name, some in data["intervals"].items()}
    return sorted(names_containing(intervals, intervals, parse_rfc3339(data["now"])))


def _check_instants(data: Fields, intervals: list[TimeInterval]) -> None:
    for wanted, key in ((True, "contains"), (False, "excludes")):
        for text in data[key]:
            held = any(one.contains(parse_rfc3339(text)) for one in intervals)
            assert held == wanted, f"{text}: {held}"


def _parsed(fields: Fields) -> TimeInterval:
    def ranges(key: str) -> tuple[tuple[int, int], ...] | None:
        return tuple((first, last) for first, last in fields[key]) if fields.get(key) is not None else None

    return TimeInterval(
        times=ranges("times"),
        weekdays=ranges("weekdays"),
        days_of_month=ranges("days_of_month"),
        months=ranges("months"),
        years=ranges("years"),
        location=fields.get("location") or "",
    )


def _again(interval: TimeInterval) -> TimeInterval:
    read_again = _read_interval(json.dumps(interval_document(interval)))
    assert read_again == interval, f"printed and read again it is {read_again}"
    return read_again


def _read_intervals(text: str) -> list[TimeInterval]:
    items = read(text, "intervals.yml").tree
    assert isinstance(items, list), "no list"
    return [_of_tree(item) for item in items]


def _read_interval(text: str) -> TimeInterval:
    return _of_tree(read(text, "interval.yml").tree)


def _of_tree(tree: Any) -> TimeInterval:
    document, findings = Document("interval.yml", tree, {}), Findings()
    section = findings.validate(TimeIntervalSection, document, tree)
    interval = read_interval(section, document, (), findings) if section is not None else None
    if findings.errors or interval is None:
        raise ValueError(findings.errors[0].problem)
    return interval


# -- inhibition -----------------------------------------------------------------------------------------------------------


def check_inhibition(case: Case) -> None:
    data = case.data
    if case.kind == "config":
        _check_rule(data)
        return
    now = parse_rfc3339(data["now"])
    if case.kind == "mutes":
        rules = [_rule(json.dumps(rule)) for rule in data["rules"]]
        alerts, wanted = data["alerts"], data["muted"]
    else:
        rules = [InhibitRule(sources=(), targets=(), equal=tuple(data["equal"]))]
        alerts, wanted = data["sources"], data["result"]
    inhibition = Inhibition(rules)
    for fields in alerts:
        inhibition.learn(_alert(fields, now), now)
    if case.kind == "has_equal":
        found = inhibition.source_of(0, Labels(data["target"]), now, one_sided=False) is not None
    else:
        found = inhibition.inhibited(Labels(data["target"]), now) is not None
    assert found == wanted, f"{found}"


def _check_rule(data: Fields) -> None:
    try:
        rule = _rule(data["rule"], Syntax(data["mode"]))
    except ValueError as error:
        wanted = data["error"]
        assert wanted, f"refused: {error}"
        assert wanted is True or str(error) == wanted, f"said {error}"
        return
    assert not data["error"], f"read {rule}"
    assert list(rule.equal) == data["equal"], f"read {rule}"


def _rule(text: str, syntax: Syntax = Syntax.FALLBACK) -> InhibitRule:
    document, findings = read(text, "rule.yml"), Findings()
    section = findings.validate(InhibitRuleSection, document, document.tree)
    rule = read_inhibit_rule(section, document, (), findings, syntax) if section is not None else None
    if findings.errors or rule is None:
        raise ValueError(findings.errors[0].problem)
    return rule


def _alert(fields: Fields, now: Timestamp) -> Alert:
    return Alert(
        labels=Labels(fields["labels"]),
        annotations=EMPTY,
        starts_at=parse_rfc3339(fields["starts_at"]) if "starts_at" in fields else now,
        ends_at=parse_rfc3339(fields["ends_at"]) if "ends_at" in fields else _NEVER,
        updated_at=now,
    )


TABLES: dict[str, Check] = {
    "alertmanager/routes.json": check_routes,
    "alertmanager/timeintervals.json": check_intervals,
    "alertmanager/inhibition.json": check_inhibition,
}
