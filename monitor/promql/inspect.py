"""What an expression reads, and how it is built."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.model.times import MINUTE, Millis
from monitor.promql.nodes import Expr, MatrixSelector, Shift, Subquery, VectorSelector, children


def walk(tree: Expr) -> Iterator[Expr]:
    """All expressions of a tree, parents first."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(children(node))


def depth(tree: Expr) -> int:
    """How deep expressions are nested."""
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        waiting += [(child, level + 1) for child in children(node)]
    return deepest


def selectors(tree: Expr) -> tuple[VectorSelector, ...]:
    """All selectors, in the order of writing."""
    return tuple(node for node in walk(tree) if isinstance(node, VectorSelector))


def longest_window(tree: Expr, lookback: Millis = 5 * MINUTE) -> Millis:
    """How far before the evaluation time an expression may read: the largest sum, over the nesting, of ranges, offsets
    and the lookback. Selectors with `@` and durations that depend on the query are not counted."""
    return _window(tree, lookback)


def _window(node: Expr, lookback: Millis) -> Millis:
    match node:
        case VectorSelector():
            return lookback + _offset(node.shift)
        case MatrixSelector():
            return max(node.range, 0) + _offset(node.selector.shift)
        case Subquery():
            return node.range + _offset(node.shift) + _window(node.expr, lookback)
        case _:
            return max((_window(child, lookback) for child in children(node)), default=0)


def _offset(shift: Shift) -> Millis:
    return max(shift.offset, 0)
