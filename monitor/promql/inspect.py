"""What an expression reads, and how it is built."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.promql.nodes import Expr, VectorSelector, children


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
