"""What is allowed in rules and yet hardly meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import quote
from monitor.promql.inspect import selectors, walk
from monitor.promql.nodes import Expr, MatrixSelector, Subquery, VectorSelector
from monitor.rules.groups import AlertingRule, Rule, RuleGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One doubtful rule."""

    file: str
    group: str
    rule: str
    problem: str
    remedy: str


def doubts(groups: Sequence[RuleGroup]) -> tuple[Doubt, ...]:
    """Everything doubtful in these groups."""
    return tuple(
        Doubt(file=group.file, group=group.name, rule=rule.name, problem=problem, remedy=remedy)
        for group in groups
        for rule in group.rules
        for problem, remedy in _doubts(rule)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Rules of one name with the same labels."""

    name: str
    labels: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={quote(value)}" for name, value in self.labels)
        return f"{self.name}{{{shown}}}" if shown else self.name


def duplicates(groups: Sequence[RuleGroup]) -> tuple[Duplicate, ...]:
    """Rules that are given more than once, each told once, by name: their samples, or alerts, are mixed up or lost.
    promtool's `duplicate-rules`."""
    counts = Counter((rule.name, rule.identity[2]) for group in groups for rule in group.rules)
    return tuple(Duplicate(name=name, labels=labels) for (name, labels), count in sorted(counts.items()) if count > 1)


def _doubts(rule: Rule) -> Iterator[tuple[str, str]]:
    for selector in selectors(rule.expr):
        for matcher in _impossible(selector.matchers):
            yield (
                f"the selector can match nothing: {matcher} contradicts another condition on {matcher.name}",
                "drop one of the two",
            )
    if not isinstance(rule, AlertingRule):
        return
    for name, text in rule.labels:
        if text.uses_value:
            yield (
                f"label {name} holds the value, so each new value is a new alert and `for` begins anew",
                "put the value into an annotation",
            )
    if not any(name == "severity" for name, _ in rule.labels):
        yield (
            "has no severity label, so routes that look at it treat the alert as unimportant",
            "add `labels: {severity: warning}`, or critical if somebody is to be woken",
        )
    if not rule.for_ and not rule.keep_firing_for and not _looks_back(rule.expr):
        yield (
            "has neither `for` nor `keep_firing_for`, so one odd sample pages and the next one resolves",
            "add `for`",
        )
    if not any(name in ("summary", "description") for name, _ in rule.annotations):
        yield ("has neither summary nor description, so its page says nothing but its labels", "add an annotation")


def _looks_back(expr: Expr) -> bool:
    """Does one odd sample not decide? A range or the past is looked at, or what thresholds have judged already."""
    return any(
        isinstance(node, MatrixSelector | Subquery)
        or (isinstance(node, VectorSelector) and (node.name in _JUDGED or node.shift.offset != 0))
        for node in walk(expr)
    )


_JUDGED: Final = ("watchkeeper_check_status", "watchkeeper_component_status")


def _impossible(matchers: Sequence[Matcher]) -> Iterator[Matcher]:
    """Conditions that the value which another one demands does not meet."""
    for one in matchers:
        if one.op is MatchOp.EQUAL:
            yield from (other for other in matchers if other.name == one.name and not other.matches(one.value))
