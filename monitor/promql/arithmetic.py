"""Operators on numbers, for whole arrays. Source: prometheus promql/engine.go scalarBinop, vectorElemBinop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from monitor.promql.matrix import Bools, Floats

ARITHMETIC: Final[dict[str, Callable[[Floats, Floats], Floats]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": lambda left, right: _power(left, right),
    "atan2": np.arctan2,
}
COMPARISON: Final[dict[str, Callable[[Floats, Floats], Bools]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def _power(left: Floats, right: Floats) -> Floats:
    return np.power(left, right, dtype=np.float64)


def calculate(op: str, left: Floats, right: Floats) -> Floats:
    """An arithmetic operator, broadcasting; no numpy warnings."""
    with np.errstate(all="ignore"):
        return ARITHMETIC[op](left, right)
