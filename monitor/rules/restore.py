"""Alert states over restarts and reloads.

Stored is the whole state, so a restart changes nothing that was observed: `for` goes on, a firing alert stays the same alert
with the same start, `keep_firing_for` goes on. What was not observed does not count towards `for`: after an outage longer than
two minutes a pending alert's beginning is moved by its length. After more than an hour the past says nothing of the present,
and states are dropped. A restored alert is held for two intervals, so that it neither resolves nor waits for `for` anew only
because its data are not back yet; after an outage of up to two minutes the samples from before it still count, so it is held
only until there is something to judge it by. When the wall clock was set back during the outage, instants are moved back with it, so that
`for`, `keep_firing_for` and what is remembered of a resolved alert end no later; of a firing alert only a start that would lie
in the future.

At a reload alerts follow their rule by name and labels; among equals the n-th follows the n-th, as in Prometheus.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from monitor.model.alerts import AlertState
from monitor.model.times import HOUR, MINUTE, Millis, Timestamp
from monitor.rules.groups import AlertingRule, Rule, RuleGroup
from monitor.rules.ports import StoredAlert, StoredKey
from monitor.rules.states import Active, ActiveAlert, essence

TOLERANCE: Final[Millis] = HOUR
"""States older than this are dropped."""

BRIEF: Final[Millis] = 2 * MINUTE
"""An outage up to this counts as observed."""


def identities(rules: Sequence[Rule]) -> tuple[tuple[str, int], ...]:
    """For each rule: what finds it again (kind, name, labels as text), and which among equals it is."""
    counts: defaultdict[str, int] = defaultdict(int)
    found: list[tuple[str, int]] = []
    for rule in rules:
        name = json.dumps(rule.identity, ensure_ascii=False)
        found.append((name, counts[name]))
        counts[name] += 1
    return tuple(found)


def restored(stored: Sequence[StoredAlert], group: RuleGroup, now: Timestamp) -> Mapping[int, Active]:
    """The alerts of a group's rules, by the rule's place in the group."""
    by_rule: defaultdict[tuple[str, int], list[StoredAlert]] = defaultdict(list)
    for row in stored:
        if row.group == group.key and now - row.seen_at <= TOLERANCE:
            by_rule[row.rule, row.number].append(row)
    found: dict[int, Active] = {}
    for place, (rule, identity) in enumerate(zip(group.rules, identities(group.rules), strict=True)):
        rows = by_rule.get(identity)
        if rows and isinstance(rule, AlertingRule):
            found[place] = {
                row.alert.labels: unobserved(row.alert, now - row.seen_at, group.interval, now) for row in rows
            }
    return found


def unobserved(alert: ActiveAlert, span: Millis, interval: Millis, now: Timestamp) -> ActiveAlert:
    """The alert after a time in which nobody looked: a restart, or a jump of the wall clock. A negative `span`: the clock
    is now that much behind the last look."""
    if span < 0:
        alert = set_back(alert, span, now)
    if alert.state is AlertState.INACTIVE:
        return replace(alert, last_sent_at=None)
    held = replace(alert, held_until=now + 2 * interval, until_judged=0 <= span <= BRIEF, last_sent_at=None)
    if alert.state is AlertState.PENDING and span > BRIEF:
        return replace(held, active_at=alert.active_at + span)
    return held


def set_back(alert: ActiveAlert, span: Millis, now: Timestamp) -> ActiveAlert:
    """The alert after the wall clock was set back by `span`, which is negative: it is as old as it was."""
    pending = alert.state is AlertState.PENDING
    return replace(
        alert,
        active_at=min(alert.active_at + (span if pending else 0), now),
        fired_at=_at_most(alert.fired_at, now),
        resolved_at=_at_most(_moved(alert.resolved_at, span), now),
        keep_firing_since=_at_most(_moved(alert.keep_firing_since, span), now),
        last_sent_at=_moved(alert.last_sent_at, span),
        valid_until=_moved(alert.valid_until, span),
        held_until=_moved(alert.held_until, span),
    )


def _moved(instant: Timestamp | None, span: Millis) -> Timestamp | None:
    return None if instant is None else instant + span


def _at_most(instant: Timestamp | None, now: Timestamp) -> Timestamp | None:
    return None if instant is None else min(instant, now)


def changes(
    group: str, rule: str, number: int, before: Active, after: Active, at: Timestamp, *, whole: bool
) -> tuple[tuple[StoredAlert, ...], tuple[StoredKey, ...]]:
    """What to write and what to delete. Values, annotations and times of sending alone do not count as changes, unless
    `whole`: then everything is written, which also tells the store that the rule is still being evaluated."""
    changed = tuple(
        StoredAlert(group=group, rule=rule, number=number, alert=alert, seen_at=at)
        for labels, alert in after.items()
        if whole or ((old := before.get(labels)) is not alert and essence(old) != essence(alert))
    )
    removed = tuple(StoredKey(rule, number, labels) for labels in before if labels not in after)
    return changed, removed


def matched(old: Sequence[Rule], new: Sequence[Rule]) -> Mapping[int, int]:
    """For each rule of the new list that has a counterpart in the old one: their places, new to old."""
    places = {identity: place for place, identity in enumerate(identities(old))}
    return {place: places[identity] for place, identity in enumerate(identities(new)) if identity in places}
