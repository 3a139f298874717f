"""The functions of the language: names, argument types, result types.

Source: prometheus promql/parser/functions.go. A `variadic` of n allows n of the last arguments to be absent or added; a
negative one allows any number of the last argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class ValueType(Enum):
    """The four types of expressions, by Prometheus's internal names."""

    SCALAR = "scalar"
    VECTOR = "vector"
    MATRIX = "matrix"
    STRING = "string"

    @property
    def spoken(self) -> str:
        """As people and error texts call it."""
        return _SPOKEN[self]


_SPOKEN: Final = {
    ValueType.SCALAR: "scalar",
    ValueType.VECTOR: "instant vector",
    ValueType.MATRIX: "range vector",
    ValueType.STRING: "string",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """One function as the parser sees it."""

    name: str
    arguments: tuple[ValueType, ...]
    result: ValueType
    variadic: int = 0
    experimental: bool = False


_S, _V, _M, _T = ValueType.SCALAR, ValueType.VECTOR, ValueType.MATRIX, ValueType.STRING

_VECTOR_TO_VECTOR: Final = (
    "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count "
    "histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad sgn sin sinh sort sort_desc sqrt tan tanh timestamp"
)
_RANGE_TO_VECTOR: Final = (
    "absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time "
    "max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time"
)
_EXPERIMENTAL_RANGE_TO_VECTOR: Final = (
    "first_over_time mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time"
)
_DATES: Final = "day_of_month day_of_week day_of_year days_in_month hour minute month year"


def _table() -> dict[str, Signature]:
    rows = [Signature(name, (_V,), _V) for name in _VECTOR_TO_VECTOR.split()]
    rows += [Signature(name, (_M,), _V) for name in _RANGE_TO_VECTOR.split()]
    rows += [Signature(name, (_M,), _V, experimental=True) for name in _EXPERIMENTAL_RANGE_TO_VECTOR.split()]
    rows += [Signature(name, (_V,), _V, variadic=1) for name in _DATES.split()]
    rows += [
        Signature("clamp", (_V, _S, _S), _V),
        Signature("clamp_max", (_V, _S), _V),
        Signature("clamp_min", (_V, _S), _V),
        Signature("double_exponential_smoothing", (_M, _S, _S), _V, experimental=True),
        Signature("histogram_fraction", (_S, _S, _V), _V),
        Signature("histogram_quantile", (_S, _V), _V),
        Signature("histogram_quantiles", (_V, _T, _S, _S), _V, variadic=9, experimental=True),
        Signature("info", (_V, _V), _V, variadic=1, experimental=True),
        Signature("label_join", (_V, _T, _T, _T), _V, variadic=-1),
        Signature("label_replace", (_V, _T, _T, _T, _T), _V),
        Signature("pi", (), _S),
        Signature("predict_linear", (_M, _S), _V),
        Signature("quantile_over_time", (_S, _M), _V),
        Signature("round", (_V, _S), _V, variadic=1),
        Signature("scalar", (_V,), _S),
        Signature("sort_by_label", (_V, _T), _V, variadic=-1, experimental=True),
        Signature("sort_by_label_desc", (_V, _T), _V, variadic=-1, experimental=True),
        Signature("time", (), _S),
        Signature("vector", (_S,), _V),
        Signature("min_of", (_S, _S), _S, experimental=True),
        Signature("max_of", (_S, _S), _S, experimental=True),
        Signature("start_timestamp", (_V,), _V, experimental=True),
        Signature("start", (), _S, experimental=True),
        Signature("end", (), _S, experimental=True),
        Signature("range", (), _S, experimental=True),
        Signature("step", (), _S, experimental=True),
    ]
    return {row.name: row for row in rows}


FUNCTIONS: Final[Mapping[str, Signature]] = _table()

AGGREGATIONS: Final = frozenset(
    [
        "avg",
        "bottomk",
        "count",
        "count_values",
        "group",
        "limit_ratio",
        "limitk",
        "max",
        "min",
        "quantile",
        "stddev",
        "stdvar",
        "sum",
        "topk",
    ]
)
WITH_PARAMETER: Final = frozenset({"bottomk", "count_values", "limit_ratio", "limitk", "quantile", "topk"})
EXPERIMENTAL_AGGREGATIONS: Final = frozenset({"limitk", "limit_ratio"})
COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
SET_OPERATORS: Final = frozenset({"and", "or", "unless"})
