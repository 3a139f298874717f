"""What is allowed in rules and yet hardly meant."""

from __future__ import annotations

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
