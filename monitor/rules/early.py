"""Which alerting rules a result concerns, and when one may be looked at.

A thousand probes a second must not mean a thousand evaluations. A rule is concerned only if one of its selectors, read as
it stands (no offset, no `@`), selects a series of the result directly; what reaches it through a recording rule waits for
the slot, as the recorded sample does. Results that come close together are one look, and a rule that is costly is looked
at more seldom: looks take at most a twentieth of the time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from monitor.matching.matchers import Matcher, MatchOp, all_match
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.times import Millis
from monitor.promql.nodes import Expr, MatrixSelector, Shift, VectorSelector, children
from monitor.rules.groups import AlertingRule, RecordingRule, RuleGroup

SHARE: Final = 0.05
"""Of the time that looks at one rule may take."""

GATHER: Final[Millis] = 50
"""Results that arrive within this are one look."""

_REMEMBERED = 50_000

RuleAt: TypeAlias = tuple[str, int]
"""A rule: its group's key and its place in the group."""


def next_allowed(ended: float, cost: float) -> float:
    """When a rule may be looked at again, on the loop's clock in seconds, after a look that ended then and took so long."""
    return ended + cost / SHARE


class EarlyIndex:
    """Finds the rules that a result concerns. A row's label sets are always the same object, so the answer for it is
    remembered."""

    def __init__(self, groups: Sequence[RuleGroup]) -> None:
        recorded = {rule.name for group in groups for rule in group.rules if isinstance(rule, RecordingRule)}
        self._by_name: defaultdict[str, list[_Interest]] = defaultdict(list)
        for group in groups:
            if group.query_offset:
                continue
            for place, rule in enumerate(group.rules):
                if isinstance(rule, AlertingRule) and rule.early:
                    resolve = rule.options.resolve
                    for selector in (*_selectors(rule.expr), *(_selectors(resolve) if resolve is not None else ())):
                        interest = _interest(selector, (group.key, place))
                        if interest.name not in recorded and not interest.name.startswith("ALERTS"):
                            self._by_name[interest.name].append(interest)
        self._known: dict[int, tuple[Sequence[Labels], tuple[RuleAt, ...]]] = {}

    def __repr__(self) -> str:
        return f"EarlyIndex({sum(map(len, self._by_name.values()))} selectors, {len(self._known)} rows known)"

    def concerned(self, series: Sequence[Labels]) -> tuple[RuleAt, ...]:
        """The rules that select one of these series."""
        if not self._by_name:
            return ()
        known = self._known.get(id(series))
        if known is not None and known[0] is series:
            return known[1]
        found = dict.fromkeys(rule for labels in series for rule in self._of(labels))
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        answer = tuple(found)
        # the row itself is kept, so that its id is not given to another one
        self._known[id(series)] = (series, answer)
        return answer

    def _of(self, labels: Labels) -> Sequence[RuleAt]:
        interests = [*self._by_name.get(labels.get(METRIC_NAME, ""), ()), *self._by_name.get("", ())]
        return [
            interest.rule
            for interest in interests
            if all(labels.get(name, "") == value for name, value in interest.equal.items())
            and all_match(interest.rest, labels)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interest:
    """One selector of one rule."""

    rule: RuleAt
    name: str
    """Of the metric; empty when the selector does not fix it."""
    equal: Mapping[str, str]
    rest: tuple[Matcher, ...]


def _interest(selector: VectorSelector, rule: RuleAt) -> _Interest:
    equal = {matcher.name: matcher.value for matcher in selector.matchers if matcher.op is MatchOp.EQUAL}
    name = selector.name or equal.get(METRIC_NAME, "")
    rest = tuple(matcher for matcher in selector.matchers if matcher.op is not MatchOp.EQUAL)
    return _Interest(rule=rule, name=name, equal=equal, rest=rest)


def _selectors(expr: Expr) -> list[VectorSelector]:
    """All selectors that read the present."""
    match expr:
        case VectorSelector():
            return [expr] if expr.shift == Shift() else []
        case MatrixSelector():
            return _selectors(expr.selector)
        case _:
            return [selector for child in children(expr) for selector in _selectors(child)]
