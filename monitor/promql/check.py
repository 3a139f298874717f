"""What this engine does not evaluate, although it is PromQL."""

from __future__ import annotations

from typing import Final

from monitor.model.errors import QueryError
from monitor.promql.features import STABLE, Features
from monitor.promql.inspect import depth, walk
from monitor.promql.nodes import Aggregation, Binary, Call, Expr, Matching, VectorSelector
from monitor.promql.signatures import EXPERIMENTAL_AGGREGATIONS

_DEEPEST: Final = 200
_NATIVE: Final = frozenset(
    ["histogram_avg", "histogram_count", "histogram_sum", "histogram_stddev", "histogram_stdvar"]
)


def check_supported(tree: Expr, features: Features = STABLE) -> None:
    """Raises QueryError with the place of the first thing that cannot be evaluated here, or that `features` leave out."""
    if depth(tree) > _DEEPEST:
        raise QueryError(f"expression is nested more than {_DEEPEST} levels deep", start=tree.start, end=tree.end)
    for node in walk(tree):
        problem = _problem(node, features)
        if problem:
            raise QueryError(problem, start=node.start, end=node.end)


def _problem(node: Expr, features: Features) -> str:
    match node:
        case Call():
            name = node.function.name
            if name in _NATIVE:
                return f"{name}() needs native histograms, which are not supported"
            if node.function.experimental and not features.experimental_functions:
                return f"{name}() is experimental and not enabled"
        case Aggregation() if node.op in EXPERIMENTAL_AGGREGATIONS and not features.experimental_functions:
            return f"{node.op}() is experimental and not enabled"
        case Binary() if node.op in ("</", ">/"):
            return f"operator {node.op} needs native histograms, which are not supported"
        case Binary(matching=Matching() as matching) if not features.fill_modifiers:
            if matching.fill_left is not None or matching.fill_right is not None:
                return "fill modifiers are experimental and not enabled"
        case VectorSelector() if (node.anchored or node.smoothed) and not features.extended_ranges:
            return "anchored and smoothed are experimental and not enabled"
        case _:
            pass
    return ""
