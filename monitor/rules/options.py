"""What Watchkeeper can do with an alerting rule beyond Prometheus: decisions, as functions of values.

Prometheus refuses keys that it does not know, so these stand beside the rules (`rule_options`), not in them. Three things
can be said of a rule:

- `resolve`: an alert that fires goes on until this expression holds for it (hysteresis). An element of its answer speaks
  for every alert that has all of the element's labels; one without labels speaks for all.
- `no_data`: what becomes of alerts when the expression has nothing to judge. "Nothing to judge" is not "judged and found
  good": it is asked by `data_expr`, the expression with its comparisons turned from filters into questions (`> 5` into
  `> bool 5`), which gives an element wherever there was something to compare.
- `active`: the hours in which the rule counts. Outside them nothing of it pends or fires, as if its expression gave nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from monitor.calendar.hours import ActiveHours
from monitor.matching.matchers import MatchOp
from monitor.model.labels import ALERT_NAME, METRIC_NAME, Labels
from monitor.model.samples import Sample, Vector
from monitor.model.times import Timestamp
from monitor.promql.inspect import selectors, walk
from monitor.promql.nodes import Aggregation, Binary, Call, Expr, MatrixSelector, Paren, Subquery, Unary


class NoData(Enum):
    """What becomes of a rule's alerts when there is nothing to judge."""

    RESOLVE = "resolve"
    """They end, as in Prometheus."""
    KEEP = "keep"
    """They stay as they are until there is something to judge."""
    ALERT = "alert"
    """They go on as if the expression held; and a rule that finds nothing at all is an alert."""


class Hold(Enum):
    """Why an alert goes on although its expression does not give it. The value is stable; `sentence` is for people."""

    UNRESOLVED = "unresolved"
    KEPT = "no_data_kept"
    GOES_ON = "no_data_alerts"
    BLIND = "blind"
    """This one stands for all that the rule should have found."""

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES: Final = {
    Hold.UNRESOLVED: "the condition is over, but `resolve_expr` does not hold yet",
    Hold.KEPT: "there are no data to judge by any longer; the alert stays as it was",
    Hold.GOES_ON: "there are no data to judge by any longer, which counts as if the condition held",
    Hold.BLIND: "no data: the rule finds nothing that it could judge",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOptions:
    """The options of one alerting rule. The default is Prometheus's behaviour."""

    resolve: Expr | None = None
    resolve_query: str = ""
    """`resolve` as Prometheus prints it."""
    no_data: NoData = NoData.RESOLVE
    data: Expr | None = None
    """`data_expr` of the rule's expression, made once; only where `no_data` asks for it."""
    active: ActiveHours | None = None

    @property
    def plain(self) -> bool:
        """Is there nothing that Prometheus does not do?"""
        return self.resolve is None and self.no_data is NoData.RESOLVE and self.active is None

    def closed(self, at: Timestamp) -> bool:
        """Is this instant outside the rule's hours?"""
        return self.active is not None and not self.active.covers(at)


PLAIN: Final = RuleOptions()


def data_expr(expr: Expr) -> Expr | None:
    """An expression that gives an element, with the same labels but for the name, for everything that `expr` judges. None
    when it cannot be told: `absent` judges what is not there."""
    if any(isinstance(node, Call) and node.function.name.startswith("absent") for node in walk(expr)):
        return None
    return _asked(expr)


def resolved(labels: Labels, answer: Vector) -> bool:
    """Does the answer of a rule's `resolve` speak for the alert with these labels?"""
    return any(
        all(labels.get(name, "") == value for name, value in sample.labels.items() if name != METRIC_NAME)
        for sample in answer
    )


def judged(rule_labels: Iterable[str], answer: Vector) -> frozenset[Labels]:
    """What `data_expr` found: the labels that alerts have of the data, those that the rule itself sets left out."""
    own = (METRIC_NAME, ALERT_NAME, *rule_labels)
    return frozenset(sample.labels.without(*own) for sample in answer)


def blind_sample(expr: Expr, at: Timestamp) -> Sample:
    """What stands for everything that an expression should have found: as with `absent`, the labels that all of its
    selectors demand."""
    demands = [
        {(one.name, one.value) for one in selector.matchers if one.op is MatchOp.EQUAL and one.name != METRIC_NAME}
        for selector in selectors(expr)
    ]
    common = {pair for pair in (demands[0] if demands else ()) if all(pair in other for other in demands)}
    return Sample(Labels(common), at, math.nan)


def _asked(expr: Expr) -> Expr:
    match expr:
        case Binary(op="unless"):
            return _asked(expr.left)
        case Binary():
            both = replace(expr, left=_asked(expr.left), right=_asked(expr.right))
            return replace(both, return_bool=True) if expr.op in _COMPARISONS else both
        case Unary() | Paren():
            return replace(expr, expr=_asked(expr.expr))
        case Aggregation():
            return replace(expr, expr=_asked(expr.expr))
        case Subquery():
            return replace(expr, expr=_asked(expr.expr))
        case Call():
            return replace(expr, args=tuple(_asked(argument) for argument in expr.args))
        case MatrixSelector():
            return expr
        case _:
            return expr


_COMPARISONS: Final = frozenset(("==", "!=", ">", "<", ">=", "<="))
