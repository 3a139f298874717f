"""What is certain of an expression before it is evaluated: between which bounds its values lie, and which labels it can have.

Only what holds for all data is said; where nothing is known the bounds are infinite and the labels are None.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from monitor.matching.matchers import MatchOp
from monitor.model.labels import METRIC_NAME
from monitor.promql.nodes import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    Subquery,
    Text,
    Unary,
    VectorSelector,
)
from monitor.promql.signatures import ValueType
from monitor.promql.typecheck import type_of

COMPARISONS: Final = frozenset(("==", "!=", ">", "<", ">=", "<="))


@dataclass(frozen=True, slots=True)
class Bounds:
    """No value is below `low` or above `high`; NaN is left out of account."""

    low: float = -math.inf
    high: float = math.inf

    def can(self, op: str, number: float) -> bool:
        """Can a value within these bounds stand in this relation to the number?"""
        match op:
            case "==":
                return self.low <= number <= self.high
            case "!=":
                return not self.low == number == self.high
            case ">":
                return self.high > number
            case ">=":
                return self.high >= number
            case "<":
                return self.low < number
            case "<=":
                return self.low <= number
            case _:
                return True

    def narrowed(self, op: str, number: float) -> Bounds:
        """What is left when only values in this relation to the number pass."""
        match op:
            case "==":
                return Bounds(number, number)
            case ">" | ">=":
                return Bounds(max(self.low, number), self.high)
            case "<" | "<=":
                return Bounds(self.low, min(self.high, number))
            case _:
                return self


_SERIES: Final = (ValueType.VECTOR, ValueType.MATRIX)
_ANYTHING: Final = Bounds()
_ONE: Final = Bounds(1, 1)
_AT_LEAST_ONE: Final = Bounds(1, math.inf)
_NOT_NEGATIVE: Final = Bounds(0, math.inf)
_OF_CALLS: Final = {
    **dict.fromkeys(("absent", "absent_over_time", "present_over_time"), _ONE),
    "count_over_time": _AT_LEAST_ONE,
    **dict.fromkeys(
        ("rate", "irate", "increase", "changes", "resets", "abs", "stddev_over_time", "stdvar_over_time"), _NOT_NEGATIVE
    ),
    "sgn": Bounds(-1, 1),
    "hour": Bounds(0, 23),
    "minute": Bounds(0, 59),
    "day_of_week": Bounds(0, 6),
    "day_of_month": Bounds(1, 31),
    "day_of_year": Bounds(1, 366),
    "days_in_month": Bounds(28, 31),
    "month": Bounds(1, 12),
}
_OF_AGGREGATIONS: Final = {"count": _AT_LEAST_ONE, "group": _ONE, "stddev": _NOT_NEGATIVE, "stdvar": _NOT_NEGATIVE}
_KEEPING: Final = frozenset(
    ("min", "max", "avg", "topk", "bottomk", "quantile", "limitk", "limit_ratio", "sort", "sort_desc", "last_over_time")
)
"""Their values lie where those of their argument do."""
_SELECTING: Final = frozenset(("topk", "bottomk", "limitk", "limit_ratio"))


def constant(expr: Expr) -> float | None:
    """The number that an expression is, if it is written as one."""
    match expr:
        case Number():
            return expr.value
        case Paren():
            return constant(expr.expr)
        case Unary():
            value = constant(expr.expr)
            return None if value is None else -value if expr.op == "-" else value
        case _:
            return None


def value_bounds(expr: Expr) -> Bounds:
    """Between which its values lie."""
    number = constant(expr)
    if number is not None:
        return Bounds(number, number)
    match expr:
        case VectorSelector():
            return Bounds(0, 1) if expr.name in ("up", "probe_success") else _ANYTHING
        case Paren():
            return value_bounds(expr.expr)
        case Aggregation():
            if expr.op in _KEEPING and expr.op != "quantile":
                return value_bounds(expr.expr)
            return _OF_AGGREGATIONS.get(expr.op, _ANYTHING)
        case Call():
            name = expr.function.name
            if name in _KEEPING or name == "vector":
                return value_bounds(expr.args[-1])
            return _OF_CALLS.get(name, _ANYTHING)
        case MatrixSelector():
            return value_bounds(expr.selector)
        case Subquery():
            return value_bounds(expr.expr)
        case Binary():
            return _binary_bounds(expr)
        case _:
            return _ANYTHING


def _binary_bounds(expr: Binary) -> Bounds:
    if expr.op in COMPARISONS:
        if expr.return_bool:
            return Bounds(0, 1)
        number = constant(expr.right)
        left = value_bounds(expr.left)
        return left if number is None else left.narrowed(expr.op, number)
    if expr.op in ("and", "unless"):
        return value_bounds(expr.left)
    if expr.op == "or":
        left, right = value_bounds(expr.left), value_bounds(expr.right)
        return Bounds(min(left.low, right.low), max(left.high, right.high))
    return _ANYTHING


def label_names(expr: Expr) -> frozenset[str] | None:
    """The labels that its elements can have at most, names left out; None: any."""
    match expr:
        case Aggregation():
            inner = label_names(expr.expr)
            if expr.op in _SELECTING:
                return inner
            if expr.without:
                return None if inner is None else inner - set(expr.grouping)
            own = frozenset(expr.grouping) if inner is None else inner & set(expr.grouping)
            return own | {expr.param.value} if expr.op == "count_values" and isinstance(expr.param, Text) else own
        case Call():
            return _call_labels(expr)
        case Binary():
            return _binary_labels(expr)
        case Paren() | Unary() | Subquery():
            return label_names(expr.expr)
        case Number() | Text():
            return frozenset()
        case VectorSelector() | MatrixSelector():
            return None


def _call_labels(expr: Call) -> frozenset[str] | None:
    name = expr.function.name
    if name in ("vector", "time", "scalar", "pi"):
        return frozenset()
    if name in ("absent", "absent_over_time"):
        inner = expr.args[0].selector if isinstance(expr.args[0], MatrixSelector) else expr.args[0]
        if not isinstance(inner, VectorSelector):
            return frozenset()
        return frozenset(one.name for one in inner.matchers if one.op is MatchOp.EQUAL and one.name != METRIC_NAME)
    if name in ("label_replace", "label_join"):
        inner_labels, target = label_names(expr.args[0]), expr.args[1]
        return None if inner_labels is None or not isinstance(target, Text) else inner_labels | {target.value}
    if name == "info" or not expr.args:
        return None
    return label_names(next((one for one in expr.args if type_of(one) in _SERIES), expr.args[0]))


def _binary_labels(expr: Binary) -> frozenset[str] | None:
    if expr.matching is None:
        return label_names(expr.left if type_of(expr.left) in _SERIES else expr.right)
    left, right = label_names(expr.left), label_names(expr.right)
    if expr.op in ("and", "unless"):
        return left
    if expr.op == "or":
        return None if left is None or right is None else left | right
    matching = expr.matching
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        if matching.on:
            return frozenset(matching.labels)
        return None if left is None or right is None else left | right
    many = left if matching.cardinality is Cardinality.MANY_TO_ONE else right
    return None if many is None else many | set(matching.include)
