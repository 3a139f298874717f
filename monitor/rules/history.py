"""Answers about the past, for replaying rules over it.

What the past holds does not change any more, so a rule's expression is asked for many slots at once, as a range: its values
at start, start + step, ... are those of as many instants. Three kinds of expression are asked instant by instant all the
same: those that read what the replay itself records, those that ask for the bounds of the query (`@ start()`, `step()`),
and what templates ask.

In a replay a recording rule's series are the replay's own, not those that were recorded at the time: `Overlaid` puts the one
in the place of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from monitor.columns.frame import Frame, Newest, SampleSource
from monitor.matching.matchers import Matcher, MatchOp, all_match
from monitor.model.labels import METRIC_NAME
from monitor.model.samples import Sample, Series, Vector
from monitor.model.times import Millis, Timestamp
from monitor.promql.inspect import selectors, walk
from monitor.promql.nodes import Bound, Call, Expr, MatrixSelector, Subquery, VectorSelector, children
from monitor.rules.groups import AlertingRule, RecordingRule, Rule, RuleGroup
from monitor.rules.ports import Querier

AHEAD: Final = 500
"""Slots that are asked for at once."""

_ALERT_SERIES: Final = ("ALERTS", "ALERTS_FOR_STATE")


class Overlaid:
    """A `SampleSource`: what the replay wrote over what was stored. `view` gives the replay's store as it is now."""

    def __init__(self, stored: SampleSource, view: Callable[[], SampleSource], names: Iterable[str]) -> None:
        """`names`: the metrics that the replay writes; of these nothing stored is seen."""
        self._stored = stored
        self._own = view()
        self._hidden = frozenset(names)

    def __repr__(self) -> str:
        return f"Overlaid({len(self._hidden)} metrics over {self._stored!r})"

    def select(self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp) -> Sequence[Frame]:
        hidden = [Matcher(METRIC_NAME, MatchOp.NOT_EQUAL, name) for name in sorted(self._may_match(matchers))]
        return [
            *self._stored.select([*matchers, *hidden], start, end),
            *(self._own.select(matchers, start, end) if hidden else ()),
        ]

    def newest(self, matchers: Sequence[Matcher], oldest: Timestamp, at: Timestamp) -> Newest | None:
        return None if self._may_match(matchers) else self._stored.newest(matchers, oldest, at)

    def _may_match(self, matchers: Sequence[Matcher]) -> list[str]:
        named = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
        return [name for name in self._hidden if all_match(named, {METRIC_NAME: name})]


@dataclass(slots=True)
class _Known:
    """What was asked of one expression: from `start` on, `until` included."""

    start: Timestamp = 0
    until: Timestamp = -1
    at: Mapping[Timestamp, list[Sample]] = field(default_factory=dict[Timestamp, list[Sample]])


class PastQuerier:
    """Implements `ports.Querier`. `past` answers ranges and may be far away; `present` also knows what is being recorded."""

    def __init__(self, groups: Sequence[RuleGroup], past: Querier, present: Querier, until: Timestamp) -> None:
        self._past = past
        self._present = present
        self._until = until
        written = written_names(groups)
        self._steps: dict[int, Millis] = {}
        self._known: dict[int, _Known] = {}
        for group in groups:
            for expr in (expr for rule in group.rules for expr in _expressions(rule)):
                if not _reads(expr, written) and not _asks_for_bounds(expr):
                    self._steps[id(expr)] = group.interval

    def __repr__(self) -> str:
        return f"PastQuerier({len(self._steps)} expressions asked ahead)"

    async def instant(self, query: Expr | str, at: Timestamp) -> Vector:
        step = self._steps.get(id(query)) if not isinstance(query, str) else None
        if step is None:
            return await self._present.instant(query, at)
        known = self._known.setdefault(id(query), _Known())
        if not known.start <= at <= known.until:
            end = at + min(AHEAD - 1, max((self._until - at) // step, 0)) * step
            series = await self._past.range(query, at, end, step)
            self._known[id(query)] = known = _Known(at, end, _by_time(series))
        return tuple(known.at.get(at, ()))

    async def range(self, query: Expr | str, start: Timestamp, end: Timestamp, step: Millis) -> Sequence[Series]:
        return await self._present.range(query, start, end, step)


def written_names(groups: Sequence[RuleGroup]) -> frozenset[str]:
    """The metrics that these rules write."""
    recorded = [rule.name for group in groups for rule in group.rules if isinstance(rule, RecordingRule)]
    return frozenset((*recorded, *_ALERT_SERIES))


def needed_before(groups: Sequence[RuleGroup]) -> Millis:
    """How long before an instant a replay must begin so that the rules' states are right at that instant: the longest time
    that one of them must hold, or looks back over."""
    spans: list[Millis] = [0]
    for group in groups:
        for rule in group.rules:
            back = [_back(expr) for expr in _expressions(rule)]
            hold = rule.for_ + rule.keep_firing_for if isinstance(rule, AlertingRule) else 0
            spans.append(max(back) + hold + 2 * group.interval)
    return max(spans)


def recorded_before(groups: Sequence[RuleGroup]) -> tuple[str, ...]:
    """The rules among these that read what others of these record, by name: only a replay that records can judge them."""
    written = written_names(groups)
    return tuple(
        dict.fromkeys(
            rule.name
            for group in groups
            for rule in group.rules
            if any(_reads(expr, written) for expr in _expressions(rule))
        )
    )


def _expressions(rule: Rule) -> tuple[Expr, ...]:
    if isinstance(rule, RecordingRule):
        return (rule.expr,)
    return tuple(expr for expr in (rule.expr, rule.options.resolve, rule.options.data) if expr is not None)


def _reads(expr: Expr, names: frozenset[str]) -> bool:
    """Does a selector of it take a series of one of these metrics?"""
    for selector in selectors(expr):
        named = [matcher for matcher in selector.matchers if matcher.name == METRIC_NAME]
        if not named or any(all_match(named, {METRIC_NAME: name}) for name in names):
            return True
    return False


def _asks_for_bounds(expr: Expr) -> bool:
    """Is its value at an instant another one than within a range?"""
    for node in walk(expr):
        match node:
            case VectorSelector() | Subquery():
                if isinstance(node.shift.at, Bound) or node.shift.offset_expr is not None:
                    return True
                if isinstance(node, Subquery) and (node.range_expr is not None or node.step_expr is not None):
                    return True
            case MatrixSelector():
                if node.range_expr is not None:
                    return True
            case Call():
                if node.function.name in ("start", "end", "range", "step"):
                    return True
            case _:
                pass
    return False


def _back(expr: Expr) -> Millis:
    """How far back it looks, offsets within each other added up."""
    own = 0
    match expr:
        case VectorSelector():
            own = max(expr.shift.offset, 0)
        case MatrixSelector():
            own = expr.range
        case Subquery():
            own = expr.range + max(expr.shift.offset, 0)
        case _:
            pass
    return own + max((_back(child) for child in children(expr)), default=0)


def _by_time(series: Sequence[Series]) -> Mapping[Timestamp, list[Sample]]:
    found: dict[Timestamp, list[Sample]] = {}
    for one in series:
        for at, value in one.points:
            found.setdefault(at, []).append(Sample(one.labels, at, value))
    return found
