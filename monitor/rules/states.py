"""The states of a rule's alerts, as a table.

An element of the query's answer is an alert; its identity is its labels after the rule's own were put on. What an
evaluation saw of an alert (`Seen`) and the state it was in give the next state; `None` stands for no alert. A resolved
alert is kept for a while so that its end is told often enough to arrive; when the condition returns meanwhile it starts
anew. Everything here is a function of its arguments.

Of most evaluations nothing comes but other values of the same alerts; `step` knows those by the order in which they come
and leaves the rest alone.

Source: prometheus rules/alerting.go (Eval). Ours beside: `held_until`, which keeps an alert that was restored
from ending before its data are back, and what a rule's options keep (`options`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Final

from monitor.model.alerts import AlertState, AlertTransition
from monitor.model.errors import EvaluationError
from monitor.model.labels import ALERT_NAME, METRIC_NAME, Labels
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.rules.groups import AlertingRule
from monitor.rules.options import Hold
from monitor.rules.texts import Rendered
from monitor.rules.written import Written

KEEP_RESOLVED: Final[Millis] = 15 * MINUTE
"""So long a resolved alert is remembered and told."""

NOTHING_KEPT: Final[Mapping[Labels, Hold]] = {}

_PENDING, _FIRING, _INACTIVE = AlertState.PENDING, AlertState.FIRING, AlertState.INACTIVE


class LimitError(EvaluationError):
    """More alerts or series than the group's limit. The rule's alerts are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAlert:
    """One alert of one rule: pending, firing, or resolved not long ago."""

    labels: Labels
    annotations: Labels
    state: AlertState
    value: float
    """At the last evaluation that saw it."""
    active_at: Timestamp
    """Since when the expression has held."""
    fired_at: Timestamp | None = None
    resolved_at: Timestamp | None = None
    keep_firing_since: Timestamp | None = None
    """When it was first missed while `keep_firing_for` keeps it."""
    last_sent_at: Timestamp | None = None
    valid_until: Timestamp | None = None
    """What the last report said of its end."""
    held_until: Timestamp | None = None
    """Restored: being missed before this instant does not end it."""
    until_judged: bool = False
    """Being missed ends it earlier, once there are data to judge it by: the outage was short."""
    held: Hold | None = None
    """The rule's options keep it: why."""


class Seen(Enum):
    """What an evaluation saw of an alert."""

    HOLDS = "holds"
    """In the answer, not yet for as long as `for`."""
    HELD = "held"
    """In the answer, for at least `for`."""
    MISSED = "missed"
    """Not in the answer."""
    KEPT = "kept"
    """Not in the answer, but `keep_firing_for`, a restore or the rule's options keep it."""
    FORGOTTEN = "forgotten"
    """Not in the answer, and resolved longer ago than we remember."""

    __hash__ = object.__hash__  # that of Enum is many times slower, and this is asked for every alert


NEXT: Final[Mapping[tuple[AlertState | None, Seen], AlertState | None]] = {
    (None, Seen.HOLDS): _PENDING,
    (None, Seen.HELD): _FIRING,
    (_PENDING, Seen.HOLDS): _PENDING,
    (_PENDING, Seen.HELD): _FIRING,
    (_PENDING, Seen.MISSED): None,
    (_PENDING, Seen.KEPT): _PENDING,
    (_FIRING, Seen.HOLDS): _FIRING,
    (_FIRING, Seen.HELD): _FIRING,
    (_FIRING, Seen.MISSED): _INACTIVE,
    (_FIRING, Seen.KEPT): _FIRING,
    (_INACTIVE, Seen.HOLDS): _PENDING,
    (_INACTIVE, Seen.HELD): _FIRING,
    (_INACTIVE, Seen.MISSED): _INACTIVE,
    (_INACTIVE, Seen.FORGOTTEN): None,
}


Active = Mapping[Labels, ActiveAlert]
"""The alerts of one rule by their labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one evaluation made of a rule's alerts."""

    active: Active
    transitions: tuple[AlertTransition, ...]
    written: Written
    """ALERTS and ALERTS_FOR_STATE."""
    changed: bool
    """Is anything different but values and texts?"""


def step(
    group: str,
    rule: AlertingRule,
    active: Active,
    seen: Sequence[Rendered],
    at: Timestamp,
    *,
    limit: int = 0,
    kept: Mapping[Labels, Hold] = NOTHING_KEPT,
    written: Written | None = None,
) -> Step:
    """One evaluation at one instant. `kept`: alerts that the rule's options keep though they are not seen; outside the
    rule's hours every alert ends. `written`: what the step that gave `active` wrote, if that is known. Raises
    EvaluationError when two elements become one alert, LimitError when more alerts than `limit` are pending or firing."""
    if written is not None and not 0 < limit < len(active):
        going_on = _going_on(rule, active, seen, at)
        if going_on is not None:
            return Step(active=going_on, transitions=(), written=written, changed=False)
    present: dict[Labels, Rendered] = {}
    for element in seen:
        if element.labels in present:
            raise EvaluationError("vector contains metrics with the same labelset after applying alert labels")
        present[element.labels] = element
    after: dict[Labels, ActiveAlert] = {}
    transitions: list[AlertTransition] = []
    count = 0
    same = True
    changed = False
    elements: list[tuple[Labels, ActiveAlert | None, Rendered | None]] = [
        (labels, alert, present.pop(labels, None)) for labels, alert in active.items()
    ]
    elements += [(labels, None, element) for labels, element in present.items()]
    for labels, before, element in elements:
        alert = _next(rule, before, element, at, kept.get(labels) if kept else None)
        changed = changed or (alert is not before and essence(alert) != essence(before))
        old = before.state if before is not None else _INACTIVE
        new = _INACTIVE
        if alert is not None:
            after[labels] = alert
            new = alert.state
            if new is not _INACTIVE:
                count += 1
                same = same and before is not None and before.active_at == alert.active_at
        if old is new:
            continue
        same = False
        shown = alert or before
        if shown is not None:
            transitions.append(
                AlertTransition(
                    group=group,
                    rule=rule.name,
                    labels=labels,
                    before=old,
                    after=new,
                    at=at,
                    active_at=shown.active_at,
                    value=shown.value,
                )
            )
    if limit > 0 and count > limit:
        raise LimitError(f"exceeded limit of {limit} with {count} alerts")
    if written is None or not same:
        written = _written(after)
    return Step(active=after, transitions=tuple(transitions), written=written, changed=changed)


def essence(alert: ActiveAlert | None) -> tuple[object, ...] | None:
    """What is worth a write: all but values, texts and times of sending."""
    if alert is None:
        return None
    return (alert.state, alert.active_at, alert.fired_at, alert.resolved_at, alert.keep_firing_since, alert.held_until)


def carried(active: Active, rule: AlertingRule, at: Timestamp) -> Active:
    """The alerts of a rule whose definition changed: one that fires is pending again where the new `for` has not passed."""
    return {
        labels: replace(alert, state=_PENDING, fired_at=None, last_sent_at=None, keep_firing_since=None)
        if alert.state is _FIRING and at - alert.active_at < rule.for_
        else alert
        for labels, alert in active.items()
    }


def _going_on(rule: AlertingRule, active: Active, seen: Sequence[Rendered], at: Timestamp) -> Active | None:
    """The alerts after an evaluation that saw just these, in their order, and moves none of them; None for any other one."""
    if len(seen) != len(active):
        return None
    other: dict[Labels, ActiveAlert] = {}
    for (labels, alert), element in zip(active.items(), seen, strict=True):
        if labels is not element.labels or alert.state is _INACTIVE:
            return None
        if alert.state is _PENDING and at - alert.active_at >= max(rule.for_, element.least):
            return None
        if alert.held is not element.held or alert.held_until is not None or alert.keep_firing_since is not None:
            return None
        if not _as_before(alert, element, alert.state):
            other[labels] = _observed(alert, element)
    return {**active, **other} if other else active


def _observed(alert: ActiveAlert, element: Rendered) -> ActiveAlert:
    """The alert with another value. (`replace` takes three times as long.)"""
    return ActiveAlert(
        labels=alert.labels,
        annotations=element.annotations,
        state=alert.state,
        value=element.value,
        active_at=alert.active_at,
        fired_at=alert.fired_at,
        last_sent_at=alert.last_sent_at,
        valid_until=alert.valid_until,
        held=element.held,
    )


def _next(
    rule: AlertingRule, before: ActiveAlert | None, element: Rendered | None, at: Timestamp, hold: Hold | None
) -> ActiveAlert | None:
    returns = before is None or before.state is _INACTIVE
    if element is not None:
        active_at = at if before is None or returns else before.active_at
        saw = Seen.HELD if at - active_at >= max(rule.for_, element.least) else Seen.HOLDS
    elif before is None:
        return None
    else:
        active_at = before.active_at
        saw = _missed(rule, before, at, hold)
    state = NEXT[before.state if before is not None else None, saw]
    if state is None:
        return None
    if element is not None:
        base = None if returns else before
        fired_at = base.fired_at if base is not None else None
        if state is _FIRING and fired_at is None:
            fired_at = at
        if base is not None and base.fired_at == fired_at and _as_before(base, element, state):
            return base
        return ActiveAlert(
            labels=element.labels,
            annotations=element.annotations,
            state=state,
            value=element.value,
            active_at=active_at,
            fired_at=fired_at,
            last_sent_at=base.last_sent_at if base is not None else None,
            valid_until=base.valid_until if base is not None else None,
            held=element.held,
        )
    if before is None or (saw is Seen.MISSED and before.state is _INACTIVE):
        return before
    if saw is Seen.KEPT:
        # `keep_firing_for` begins when nothing else keeps the alert
        since = before.keep_firing_since if hold is not None else _keep_since(rule, before, at)
        return replace(before, keep_firing_since=since, held=hold)
    # That it fired was told, its end was not. No two instants are to be compared for that: the clock may have been set back.
    return replace(before, state=state, resolved_at=at, last_sent_at=None, held_until=None, held=None)


def _as_before(alert: ActiveAlert, element: Rendered, state: AlertState) -> bool:
    """Does this evaluation change nothing?"""
    return (
        alert.state is state
        and same_value(alert.value, element.value)
        and alert.held is element.held
        and alert.held_until is None
        and alert.keep_firing_since is None
        and (alert.annotations is element.annotations or alert.annotations == element.annotations)
    )


def same_value(one: float, other: float) -> bool:
    """Do they look the same in a text?"""
    return one == other and (one != 0 or math.copysign(1, one) == math.copysign(1, other))


def _missed(rule: AlertingRule, alert: ActiveAlert, at: Timestamp, hold: Hold | None) -> Seen:
    if alert.state is _INACTIVE:
        old = alert.resolved_at is not None and at - alert.resolved_at > KEEP_RESOLVED
        return Seen.FORGOTTEN if old else Seen.MISSED
    if rule.options.closed(at):
        return Seen.MISSED
    if hold is not None:
        return Seen.KEPT
    if alert.held_until is not None and at < alert.held_until:
        return Seen.KEPT
    since = _keep_since(rule, alert, at)
    return Seen.KEPT if since is not None and at - since < rule.keep_firing_for else Seen.MISSED


def _keep_since(rule: AlertingRule, alert: ActiveAlert, at: Timestamp) -> Timestamp | None:
    if alert.state is not _FIRING or rule.keep_firing_for <= 0:
        return None
    return at if alert.keep_firing_since is None else alert.keep_firing_since


def _written(active: Active) -> Written:
    labels: list[Labels] = []
    values: list[float] = []
    for alert in active.values():
        if alert.state is not _INACTIVE:
            labels += _series(alert.labels, alert.state)
            values += (1.0, float(alert.active_at // 1000))
    return Written(tuple(labels), tuple(values))


@lru_cache(maxsize=50_000)
def _series(labels: Labels, state: AlertState) -> tuple[Labels, Labels]:
    """The series of one alert: asked for at every slot, changed never."""
    own = {**labels, ALERT_NAME: labels.get(ALERT_NAME, "")}
    return (
        Labels({**own, METRIC_NAME: "ALERTS", "alertstate": state.value}),
        Labels({**own, METRIC_NAME: "ALERTS_FOR_STATE"}),
    )
