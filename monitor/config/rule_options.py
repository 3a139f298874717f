"""The `rule_options` section: what Prometheus's rule files have no keys for, beside them, by group and alert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from monitor.calendar.hours import WEEK, ActiveHours, Span, days_of, span_of, zone_of
from monitor.config.fields import AsList, Section, Text
from monitor.config.findings import Findings
from monitor.config.yamltree import Document, Path, Scalar
from monitor.model.errors import QueryError
from monitor.promql.check import check_supported
from monitor.promql.features import STABLE, Features
from monitor.promql.nodes import Expr
from monitor.promql.parser import parse
from monitor.promql.printer import to_text
from monitor.promql.signatures import ValueType
from monitor.promql.typecheck import type_of
from monitor.rules.groups import AlertingRule, RuleGroup
from monitor.rules.options import NoData, RuleOptions, data_expr
from monitor.rules.rule_files import parse_problem


def _word(value: object) -> object:
    return value.text.lower() if isinstance(value, Scalar) else value


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, Scalar) and not value.is_null else [] if isinstance(value, Scalar) else value


_Texts = Annotated[list[Text], BeforeValidator(_one_or_more)]


class ActiveSection(Section):
    """When an alert counts."""

    tz: Text = "UTC"
    """Time zone whose clocks are meant, as Europe/Berlin."""
    hours: _Texts = []
    """Spans as 09:00-17:00; one that ends before it begins goes past midnight. Default: the whole day."""
    days: _Texts = []
    """Days on which the spans begin, as mon or mon-fri. Default: every day."""


class RuleOptionsSection(Section):
    """Options of one alert."""

    alert: Text = Field(min_length=1)
    """Name of the alert, in any rule file or among the shipped rules."""
    group: Text = ""
    """Name of its group; any group when absent."""
    resolve_expr: Text = ""
    """Once it fires it goes on until this expression gives an element all of whose labels the alert has."""
    no_data: Annotated[Literal["resolve", "keep", "alert"], BeforeValidator(_word)] = "resolve"
    """When there is nothing to judge any longer: resolve ends the alert, as Prometheus does; keep leaves it as it was; alert
    goes on as if the condition held, and tells when the rule finds no data at all."""
    active: ActiveSection | None = None
    """Outside these hours the rule has no alerts."""


RuleOptionsList = Annotated[list[RuleOptionsSection], AsList]


def with_options(
    groups: Sequence[RuleGroup],
    sections: Sequence[RuleOptionsSection],
    document: Document,
    findings: Findings,
    features: Features = STABLE,
    *,
    all_here: bool = True,
) -> tuple[RuleGroup, ...]:
    """The groups, their rules with the options that the sections name. What names no rule is a mistake, if these are all
    rules that there are."""
    chosen: dict[tuple[str, int], tuple[int, RuleOptions]] = {}
    rules = {
        (group.key, number): (group, rule)
        for group in groups
        for number, rule in enumerate(group.rules)
        if isinstance(rule, AlertingRule)
    }
    for place, section in enumerate(sections):
        path: Path = ("rule_options", place)
        options = _options(section, path, document, findings, features)
        meant = [
            key
            for key, (group, rule) in rules.items()
            if rule.name == section.alert and section.group in ("", group.name)
        ]
        if not meant and all_here:
            _tell_unknown(section, path, groups, document, findings)
        for key in meant:
            if key in chosen:
                findings.wrong(
                    document,
                    path,
                    f"{section.alert} has options already",
                    f"put them together in rule_options[{chosen[key][0]}]",
                )
            elif options is not None:
                chosen[key] = place, _with_data(options, rules[key][1].expr, path, document, findings)
    return tuple(_group_with(group, chosen) for group in groups) if chosen else tuple(groups)


def _group_with(group: RuleGroup, chosen: dict[tuple[str, int], tuple[int, RuleOptions]]) -> RuleGroup:
    if not any((group.key, number) in chosen for number in range(len(group.rules))):
        return group
    return replace(
        group,
        rules=tuple(
            replace(rule, options=chosen[group.key, number][1])
            if isinstance(rule, AlertingRule) and (group.key, number) in chosen
            else rule
            for number, rule in enumerate(group.rules)
        ),
    )


def _tell_unknown(
    section: RuleOptionsSection, path: Path, groups: Sequence[RuleGroup], document: Document, findings: Findings
) -> None:
    if section.group and all(group.name != section.group for group in groups):
        findings.wrong(
            document, (*path, "group"), f'no rule group is called "{section.group}"', "leave it out, or correct it"
        )
        return
    where = f" in the group {section.group}" if section.group else ""
    findings.wrong(
        document, (*path, "alert"), f'no alert is called "{section.alert}"{where}', "see `watchkeeper rules check`"
    )


def _options(
    section: RuleOptionsSection, path: Path, document: Document, findings: Findings, features: Features
) -> RuleOptions | None:
    known = len(findings.errors)
    resolve = _expression(section.resolve_expr, (*path, "resolve_expr"), document, findings, features)
    active = _active(section.active, (*path, "active"), document, findings)
    if len(findings.errors) > known:
        return None
    return RuleOptions(
        resolve=resolve,
        resolve_query=to_text(resolve) if resolve is not None else "",
        no_data=NoData(section.no_data),
        active=active,
    )


def _expression(text: str, path: Path, document: Document, findings: Findings, features: Features) -> Expr | None:
    if not text:
        return None
    try:
        expr = parse(text, features)
        check_supported(expr, features)
    except QueryError as error:
        findings.wrong(document, path, f"could not parse expression: {parse_problem(text, error)}")
        return None
    if type_of(expr) is not ValueType.VECTOR:
        findings.wrong(document, path, f"gives a {type_of(expr).spoken}", "write one that gives an instant vector")
        return None
    return expr


def _active(section: ActiveSection | None, path: Path, document: Document, findings: Findings) -> ActiveHours | None:
    if section is None:
        return None
    zone = findings.attempt(document, (*path, "tz"), lambda: zone_of(section.tz))
    spans = findings.attempt(document, (*path, "hours"), lambda: tuple(span_of(text) for text in section.hours))
    days = findings.attempt(document, (*path, "days"), lambda: days_of(section.days))
    if zone is None or spans is None or days is None:
        return None
    if not section.hours and not section.days:
        findings.wrong(document, path, "says neither hours nor days", "write hours: 09:00-17:00 or days: mon-fri")
        return None
    return ActiveHours(zone=zone, hours=spans or (Span(0, 24 * 60),), days=days or frozenset(range(len(WEEK))))


def _with_data(options: RuleOptions, expr: Expr, path: Path, document: Document, findings: Findings) -> RuleOptions:
    if options.no_data is NoData.RESOLVE:
        return options
    data = data_expr(expr)
    if data is None:
        findings.wrong(
            document,
            (*path, "no_data"),
            "has no meaning here: the rule asks with absent() for what is not there",
            "leave it out",
        )
    return replace(options, data=data)
