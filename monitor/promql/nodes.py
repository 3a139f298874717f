"""The syntax tree.

Nodes are frozen; two nodes are equal when they mean the same, wherever they stand: the places `start` and `end` (byte
offsets into the text, end not included) take no part in comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from monitor.matching.matchers import Matcher
from monitor.model.times import Millis, Timestamp
from monitor.promql.signatures import Signature


class Bound(Enum):
    """`@ start()` and `@ end()`: a bound of the query."""

    START = "start"
    END = "end"


class Cardinality(Enum):
    """How many elements may meet in a match."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number; `duration` if it was written as `5m`. The value is in seconds then."""

    value: float
    duration: bool = False
    start: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string. Bytes that are no UTF-8 are kept as lone surrogates."""

    value: str
    start: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationExpr:
    """Arithmetic on durations: `op` is one of + - * / % ^ step range min_of max_of. Unary without `left`; a pair of
    parentheses is `wrapped`, around a plain number a wrapped `+` without `left`."""

    op: str
    left: Duration | None = None
    right: Duration | None = None
    wrapped: bool = False
    start: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


Duration: TypeAlias = Number | DurationExpr


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Where a selector or subquery looks instead of the evaluation time: `@` first, then minus `offset`."""

    offset: Millis = 0
    offset_expr: DurationExpr | None = None
    """Instead of `offset` when it depends on the query."""
    at: Timestamp | Bound | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorSelector:
    """`name{matchers}`: the newest sample of each series. The last matcher is the name's when `name` is not empty."""

    name: str
    matchers: tuple[Matcher, ...]
    shift: Shift = Shift()
    anchored: bool = False
    smoothed: bool = False
    anything: bool = False
    """May match every series: the second argument of `info`."""
    start: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixSelector:
    """`selector[range]`: the samples of each series in (t - range, t]."""

    selector: VectorSelector
    range: Millis
    range_expr: DurationExpr | None = None
    start: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subquery:
    """`expr[range:step]`. A step of 0 is the default step."""

    expr: Expr
    range: Millis
    range_expr: DurationExpr | None = None
    step: Millis = 0
    step_expr: DurationExpr | None = None
    shift: Shift = Shift()
    start: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function call."""

    function: Signature
    args: tuple[Expr, ...]
    start: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """`op by (grouping) (param, expr)`."""

    op: str
    expr: Expr
    param: Expr | None = None
    grouping: tuple[str, ...] = ()
    without: bool = False
    start: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """How elements of two vectors find each other."""

    cardinality: Cardinality = Cardinality.ONE_TO_ONE
    labels: tuple[str, ...] = ()
    on: bool = False
    """Match by `labels` only; else by all labels but these."""
    include: tuple[str, ...] = ()
    """Labels that group_left and group_right copy from the one side."""
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """`left op right`. `matching` only between two vectors."""

    op: str
    left: Expr
    right: Expr
    matching: Matching | None = None
    return_bool: bool = False
    start: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary:
    """`-expr` or `+expr`."""

    op: str
    expr: Expr
    start: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paren:
    """`(expr)`."""

    expr: Expr
    start: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


Expr: TypeAlias = (
    Number | Text | VectorSelector | MatrixSelector | Subquery | Call | Aggregation | Binary | Unary | Paren
)


def children(node: Expr) -> tuple[Expr, ...]:
    """The expressions right below this one, in the order of writing."""
    match node:
        case Subquery() | Unary() | Paren():
            return (node.expr,)
        case MatrixSelector():
            return (node.selector,)
        case Call():
            return node.args
        case Aggregation():
            return (node.expr,) if node.param is None else (node.param, node.expr)
        case Binary():
            return (node.left, node.right)
        case Number() | Text() | VectorSelector():
            return ()


def unwrapped(node: Expr) -> Expr:
    """The expression inside any parentheses around it."""
    while isinstance(node, Paren):
        node = node.expr
    return node
