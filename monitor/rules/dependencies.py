"""Which rules of a group may be evaluated at the same time.

A rule depends on an earlier one of its group when one of its selectors can take what that one writes: its metric, or, of an
alert, ALERTS and ALERTS_FOR_STATE. A selector that names no metric can take anything; then nothing is known of the whole
group, and its rules go one by one. Otherwise those that depend on nothing go together, then those in the middle one by one,
then those that nothing depends on go together. Each batch ends before the next one begins, and what it wrote can be read.

That is as exact as one by one: within a batch no rule reads what another writes. Source: prometheus rules/group.go
(buildDependencyMap) and rules/manager.go (SplitGroupIntoBatches).
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.matching.matchers import MatchOp, all_match
from monitor.model.labels import ALERT_NAME, METRIC_NAME
from monitor.promql.inspect import selectors
from monitor.promql.nodes import VectorSelector
from monitor.rules.groups import AlertingRule, Rule

_ALERT_SERIES = ("ALERTS", "ALERTS_FOR_STATE")


def batches(rules: Sequence[Rule]) -> tuple[tuple[int, ...], ...]:
    """The places of the rules, in the batches in which they are evaluated."""
    found = _dependencies(rules)
    if found is None:
        return tuple((place,) for place in range(len(rules)))
    needed = {other for others in found for other in others}
    free = tuple(place for place, others in enumerate(found) if not others)
    middle = tuple((place,) for place, others in enumerate(found) if others and place in needed)
    last = tuple(place for place, others in enumerate(found) if others and place not in needed)
    return tuple(batch for batch in (free, *middle, last) if batch)


def _dependencies(rules: Sequence[Rule]) -> list[set[int]] | None:
    """For each rule the earlier ones that it depends on; None if that cannot be told."""
    found: list[set[int]] = []
    for place, rule in enumerate(rules):
        asked = selectors(rule.expr)
        if isinstance(rule, AlertingRule) and rule.options.resolve is not None:
            asked += selectors(rule.options.resolve)
        if not all(map(_names_a_metric, asked)):
            return None
        if isinstance(rule, AlertingRule) and rule.asks:
            return None  # a template's query can be about anything, and is known only when it is asked
        found.append({other for other in range(place) if any(_takes(selector, rules[other]) for selector in asked)})
    return found


def _names_a_metric(selector: VectorSelector) -> bool:
    return any(matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL for matcher in selector.matchers)


def _takes(selector: VectorSelector, rule: Rule) -> bool:
    if isinstance(rule, AlertingRule):
        named = [matcher for matcher in selector.matchers if matcher.name in (METRIC_NAME, ALERT_NAME)]
        return any(all_match(named, {METRIC_NAME: name, ALERT_NAME: rule.name}) for name in _ALERT_SERIES)
    named = [matcher for matcher in selector.matchers if matcher.name == METRIC_NAME]
    return all_match(named, {METRIC_NAME: rule.name})
