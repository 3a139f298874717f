"""What is allowed in rules and yet hardly meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.rules.groups import AlertingRule, Rule, RuleGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One doubtful rule."""

    group: str
    rule: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Rules with one name and one set of labels: they write the same series."""

    name: str
    labels: tuple[tuple[str, str], ...]
    count: int


def duplicates(groups: Sequence[RuleGroup]) -> tuple[Duplicate, ...]:
    """As promtool's lint `duplicate-rules`, by name."""
    counts = Counter(rule.identity[1:] for group in groups for rule in group.rules)
    return tuple(
        Duplicate(name=name, labels=labels, count=count)
        for (name, labels), count in sorted(counts.items())
        if count > 1
    )


def doubts(groups: Sequence[RuleGroup]) -> tuple[Doubt, ...]:
    """Everything doubtful in these groups."""
    return tuple(doubt for group in groups for rule in group.rules for doubt in _doubts(group, rule))


def _doubts(group: RuleGroup, rule: Rule) -> list[Doubt]:
    if not isinstance(rule, AlertingRule):
        return []
    return [
        Doubt(
            group=group.name,
            rule=rule.name,
            problem=f"label {name} holds the value, so each new value is a new alert and `for` begins anew",
            remedy="put the value into an annotation",
        )
        for name, text in rule.labels
        if text.uses_value
    ]
