"""A tree back into text, on one line or broken over lines, as Prometheus prints it.

Source: prometheus promql/parser/{printer,prettier}.go.
"""

from __future__ import annotations

from typing import Final, assert_never

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import METRIC_NAME
from monitor.model.times import Millis, format_duration
from monitor.promql.nodes import (
    Aggregation,
    Binary,
    Bound,
    Call,
    Cardinality,
    Duration,
    DurationExpr,
    Expr,
    Matching,
    MatrixSelector,
    Number,
    Paren,
    Shift,
    Subquery,
    Text,
    Unary,
    VectorSelector,
)
from monitor.promql.numbers import millis_of, plain
from monitor.promql.quoting import go_quote, label_text
from monitor.promql.selectors import NO_LABEL

_WIDTH: Final = 100
_INDENT: Final = "  "


def to_text(node: Expr) -> str:
    """The expression on one line."""
    match node:
        case Number():
            return _number(node)
        case Text():
            return go_quote(node.value)
        case VectorSelector():
            return _series(node) + _suffix(node)
        case MatrixSelector():
            span = _duration(node.range, node.range_expr)
            return f"{_series(node.selector)}[{span}]{_suffix(node.selector)}"
        case Subquery():
            return to_text(node.expr) + _subquery_suffix(node)
        case Call():
            return f"{node.function.name}({', '.join(to_text(argument) for argument in node.args)})"
        case Aggregation():
            inner = to_text(node.expr) if node.param is None else f"{to_text(node.param)}, {to_text(node.expr)}"
            return f"{_aggregation(node)}({inner})"
        case Binary():
            return f"{to_text(node.left)} {_operator(node)} {to_text(node.right)}"
        case Unary():
            return node.op + to_text(node.expr)
        case Paren():
            return f"({to_text(node.expr)})"
        case _:
            assert_never(node)


def pretty(node: Expr, *, width: int = _WIDTH) -> str:
    """The expression over several lines where one would be longer than `width` characters."""
    return _pretty(node, 0, width)


def _pretty(node: Expr, level: int, width: int) -> str:
    indent = _INDENT * level
    if isinstance(node, Unary):
        return indent + node.op + _pretty(node.expr, level, width).strip()
    line = to_text(node)
    if len(line.encode("utf-8", "surrogateescape")) <= width:
        return indent + line
    match node:
        case Aggregation():
            parts = [node.expr] if node.param is None else [node.param, node.expr]
            body = ",\n".join(_pretty(part, level + 1, width) for part in parts)
            return f"{indent}{_aggregation(node)}(\n{body}\n{indent})"
        case Call() if node.args:
            body = ",\n".join(_pretty(argument, level + 1, width) for argument in node.args)
            return f"{indent}{node.function.name}(\n{body}\n{indent})"
        case Binary():
            left, right = _pretty(node.left, level + 1, width), _pretty(node.right, level + 1, width)
            return f"{left}\n{indent}{_operator(node)}\n{right}"
        case Paren():
            return f"{indent}(\n{_pretty(node.expr, level + 1, width)}\n{indent})"
        case Subquery():
            return _pretty(node.expr, level, width) + _subquery_suffix(node)
        case _:
            return indent + line


def _number(node: Number) -> str:
    if node.duration:
        return format_duration(millis_of(node.value))
    return plain(node.value)


def _duration(span: Millis, tree: DurationExpr | None) -> str:
    return format_duration(span) if tree is None else _duration_tree(tree)


def _duration_tree(tree: Duration) -> str:
    if isinstance(tree, Number):
        return _number(tree)
    left = "" if tree.left is None else _duration_tree(tree.left)
    right = "" if tree.right is None else _duration_tree(tree.right)
    if tree.op in ("step", "range"):
        text = f"{tree.op}()"
    elif tree.op in ("min_of", "max_of"):
        text = f"{tree.op}({left}, {right})"
    elif tree.left is None:
        text = ("-" if tree.op == "-" else "") + right
    else:
        text = f"{left} {tree.op} {right}"
    return f"({text})" if tree.wrapped else text


def _series(node: VectorSelector) -> str:
    name = METRIC_NAME if node.name else None
    parts = sorted(
        _matcher(matcher)
        for matcher in node.matchers
        if not (matcher.name == name and matcher.op is MatchOp.EQUAL and matcher.value == node.name)
    )
    return f"{node.name}{{{','.join(parts)}}}" if parts else node.name or "{}"


def _matcher(matcher: Matcher) -> str:
    return f"{label_text(matcher.name)}{matcher.op.value}{go_quote(matcher.value)}"


def _labels(names: tuple[str, ...]) -> str:
    return ", ".join(go_quote(name) if name == NO_LABEL else label_text(name) for name in names)


def _suffix(node: VectorSelector) -> str:
    extended = " anchored" if node.anchored else " smoothed" if node.smoothed else ""
    return extended + _shift(node.shift)


def _subquery_suffix(node: Subquery) -> str:
    step = _duration(node.step, node.step_expr) if node.step or node.step_expr else ""
    return f"[{_duration(node.range, node.range_expr)}:{step}]{_shift(node.shift)}"


def _shift(shift: Shift) -> str:
    out = ""
    if isinstance(shift.at, Bound):
        out = f" @ {shift.at.value}()"
    elif shift.at is not None:
        sign, millis = ("-", -shift.at) if shift.at < 0 else ("", shift.at)
        out = f" @ {sign}{millis // 1000}.{millis % 1000:03d}"
    if shift.offset_expr is not None:
        out += f" offset {_duration_tree(shift.offset_expr)}"
    elif shift.offset:
        out += f" offset {format_duration(shift.offset)}"
    return out


def _aggregation(node: Aggregation) -> str:
    names = _labels(node.grouping)
    if node.without:
        return f"{node.op} without ({names}) "
    return f"{node.op} by ({names}) " if node.grouping else node.op


def _operator(node: Binary) -> str:
    out = node.op + (" bool" if node.return_bool else "")
    return out if node.matching is None else out + _matching(node.matching)


def _matching(matching: Matching) -> str:
    out = ""
    many = matching.cardinality in (Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY)
    if matching.on or matching.labels or many:
        names = _labels(matching.labels)
        out = f" {'on' if matching.on else 'ignoring'} ({names})"
    if many:
        word = "group_left" if matching.cardinality is Cardinality.MANY_TO_ONE else "group_right"
        out += f" {word} ({_labels(matching.include)})"
    if matching.fill_left is not None and matching.fill_left == matching.fill_right:
        return f"{out} fill ({plain(matching.fill_left)})"
    if matching.fill_left is not None:
        out += f" fill_left ({plain(matching.fill_left)})"
    if matching.fill_right is not None:
        out += f" fill_right ({plain(matching.fill_right)})"
    return out
