"""Asking what an alerting rule's options, and alerts that a restart left in doubt, want to know, and no more: a rule without
either asks nothing, and one whose alerts are all in its answer has nothing to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.model.alerts import AlertState
from monitor.model.errors import EvaluationError
from monitor.model.labels import ALERT_NAME, Labels
from monitor.model.samples import Sample
from monitor.model.times import Millis, Timestamp
from monitor.promql.nodes import Expr
from monitor.rules.groups import AlertingRule
from monitor.rules.options import Hold, NoData, blind_sample, data_expr, judged, resolved
from monitor.rules.ports import Querier
from monitor.rules.states import Active, ActiveAlert
from monitor.rules.texts import Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the options make of alerts that are not in the answer."""

    kept: Mapping[Labels, Hold] = field(default_factory=dict[Labels, Hold])
    """They stay as they are: why."""
    seen: tuple[Rendered, ...] = ()
    """They count as seen."""
    blind: Sample | None = None
    """Stands for all that the rule should have found; it is to become an alert."""


NOTHING_HELD = Held()


async def held(
    querier: Querier, rule: AlertingRule, active: Active, seen: Sequence[Rendered], at: Timestamp, least: Millis
) -> Held:
    """`at`: the instant to query for. `least`: so long there must be no data before that is an alert. Raises what the querier
    raises."""
    options = rule.options
    if options.plain:
        return NOTHING_HELD
    present = {element.labels for element in seen}
    gone = [one for one in active.values() if one.state is not AlertState.INACTIVE and one.labels not in present]
    kept: dict[Labels, Hold] = {}
    going_on: list[Rendered] = []
    blind: Sample | None = None
    alarming = options.no_data is NoData.ALERT
    if options.data is not None and (gone or (alarming and not seen)):
        data = await _data(querier, rule, options.data, at)
        lost = [alert for alert in gone if data is not None and _unseen(rule, alert, data)]
        if alarming:
            going_on = [_going_on(alert, least) for alert in lost]
            if not seen and not going_on and data is not None and not data:
                blind = blind_sample(rule.expr, at)
        else:
            kept.update((alert.labels, Hold.KEPT) for alert in lost)
    if options.resolve is not None:
        settled = {*kept, *(element.labels for element in going_on)}
        firing = [one.labels for one in gone if one.state is AlertState.FIRING and one.labels not in settled]
        if firing:
            answer = await querier.instant(options.resolve, at)
            kept.update((labels, Hold.UNRESOLVED) for labels in firing if not resolved(labels, answer))
    return Held(kept=kept, seen=tuple(going_on), blind=blind)


async def judged_again(
    querier: Querier, rule: AlertingRule, active: Active, seen: Sequence[Rendered], at: Timestamp
) -> Active:
    """The alerts, of which those are held no longer that a short outage left in doubt, that are missed, and that there are
    data to judge by. `at`: the instant to query for. Raises what the querier raises."""
    doubted = [one for one in active.values() if one.until_judged and one.held_until is not None]
    if not doubted:
        return active
    present = {element.labels for element in seen}
    missed = [one for one in doubted if one.labels not in present]
    expr = data_expr(rule.expr) if missed else None
    data = await _data(querier, rule, expr, at) if expr is not None else None
    if data is None:
        return active
    sure = [one for one in missed if not _unseen(rule, one, data)]
    return {**active, **{one.labels: replace(one, held_until=None, until_judged=False) for one in sure}}


async def _data(querier: Querier, rule: AlertingRule, expr: Expr, at: Timestamp) -> frozenset[Labels] | None:
    """What there was to judge; None if it cannot be told: without the filters the expression may be ambiguous."""
    try:
        answer = await querier.instant(expr, at)
    except EvaluationError:
        return None
    return judged((name for name, _ in rule.labels), answer)


def _unseen(rule: AlertingRule, alert: ActiveAlert, data: frozenset[Labels]) -> bool:
    if alert.held is Hold.BLIND:
        return not data
    return alert.labels.without(ALERT_NAME, *(name for name, _ in rule.labels)) not in data


def _going_on(alert: ActiveAlert, least: Millis) -> Rendered:
    hold = Hold.BLIND if alert.held is Hold.BLIND else Hold.GOES_ON
    return Rendered(labels=alert.labels, annotations=alert.annotations, value=alert.value, held=hold, least=least)
