"""What is allowed in rules and yet hardly meant. Only what is certain without any data is told."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import METRIC_NAME, quote
from monitor.promql.bounds import COMPARISONS, constant, label_names, value_bounds
from monitor.promql.inspect import selectors, walk
from monitor.promql.nodes import Aggregation, Binary, Call, Expr, MatrixSelector, Subquery, VectorSelector, unwrapped
from monitor.promql.printer import to_text
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
    yield from _never(rule.expr)
    yield from _rate_of_sum(rule.expr)
    if not isinstance(rule, AlertingRule):
        return
    yield from _without_condition(rule)
    yield from _missing_labels(rule)
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


def _never(expr: Expr) -> Iterator[tuple[str, str]]:
    """Comparisons that no value can meet."""
    for node in walk(expr):
        if not isinstance(node, Binary) or node.op not in COMPARISONS or node.return_bool:
            continue
        number = constant(node.right)
        if number is not None and constant(node.left) is None and not value_bounds(node.left).can(node.op, number):
            told = to_text(node)
            yield f"{told} can never hold: {_why(node.left)}", "compare with a value that can come, or use absent()"


def _why(left: Expr) -> str:
    inner = unwrapped(left)
    if isinstance(inner, Aggregation) and inner.op == "count":
        return "where there is nothing to count, count() gives nothing, not 0"
    bounds = value_bounds(left)
    if bounds.low == bounds.high:
        return f"the value is always {_shown(bounds.low)}"
    if bounds.high == math.inf:
        return f"the value is never below {_shown(bounds.low)}"
    if bounds.low == -math.inf:
        return f"the value is never above {_shown(bounds.high)}"
    return f"the value lies between {_shown(bounds.low)} and {_shown(bounds.high)}"


def _shown(number: float) -> str:
    return f"{number:g}"


def _rate_of_sum(expr: Expr) -> Iterator[tuple[str, str]]:
    for node in walk(expr):
        if isinstance(node, Call) and node.function.name in ("rate", "irate", "increase"):
            inner = unwrapped(node.args[0].expr) if isinstance(node.args[0], Subquery) else None
            if isinstance(inner, Aggregation) and inner.op == "sum":
                yield (
                    f"{node.function.name} of a sum takes the restart of one part for a restart of the whole",
                    f"write sum({node.function.name}(...)) instead",
                )


def _without_condition(rule: AlertingRule) -> Iterator[tuple[str, str]]:
    """Any element is an alert, whatever its value."""
    nodes = tuple(walk(rule.expr))
    if not any(isinstance(node, VectorSelector) for node in nodes):
        return
    for node in nodes:
        match node:
            case Binary() if (node.op in COMPARISONS and not node.return_bool) or node.op in ("and", "unless"):
                return
            case Call() if node.function.name.startswith("absent"):
                return
            case VectorSelector() if node.name == "ALERTS" or ":" in node.name:
                return  # whoever recorded it may have judged already
            case _:
                pass
    yield (
        "has no condition: every series that its expression gives fires, whatever its value",
        "compare it with something, as `> 0`",
    )


def _missing_labels(rule: AlertingRule) -> Iterator[tuple[str, str]]:
    known = label_names(rule.expr)
    if known is None:
        return
    own = (*((f"label {name}", text) for name, text in rule.labels), *((name, text) for name, text in rule.annotations))
    for name, text in own:
        for used in dict.fromkeys(_USED_LABEL.findall(text.source)):
            if used not in known and used != METRIC_NAME:
                yield (
                    f"{name} shows $labels.{used}, which the expression's result never has",
                    f"add {used} to `by (...)`, or leave it out",
                )


_USED_LABEL: Final = re.compile(r"(?:\$labels|\.Labels)\.([a-zA-Z_][a-zA-Z0-9_]*)")


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
