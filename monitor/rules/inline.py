"""A querier that computes where it is called: for unit tests of rules, backtests and small daemons' small queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monitor.columns.frame import SampleSource
from monitor.model.errors import EvaluationError
from monitor.model.labels import EMPTY
from monitor.model.samples import Sample, Series, Vector
from monitor.model.times import Millis, Timestamp
from monitor.promql.engine import Answer, Options, Query, ScalarValue, StringValue
from monitor.promql.nodes import Expr
from monitor.promql.signatures import ValueType

_KEPT = 2_000
"""Compiled queries that are remembered."""


class InlineQuerier:
    """Implements `ports.Querier` on a store in this process. `view` gives the store as it is now."""

    def __init__(self, view: Callable[[], SampleSource], options: Options) -> None:
        self._view = view
        self._options = options
        self._queries: dict[int | str, tuple[Expr | str, Query]] = {}

    def __repr__(self) -> str:
        return f"InlineQuerier({len(self._queries)} queries)"

    def compiled(self, query: Expr | str) -> Query:
        """The query made ready, once for each object or text."""
        key = query if isinstance(query, str) else id(query)
        known = self._queries.get(key)
        if known is None or (known[0] is not query and known[0] != query):
            if len(self._queries) >= _KEPT:
                self._queries.clear()
            known = (query, Query(query, self._options))
            self._queries[key] = known
        return known[1]

    async def instant(self, query: Expr | str, at: Timestamp) -> Vector:
        return vector_of(self.compiled(query).instant(self._view(), at))

    async def range(self, query: Expr | str, start: Timestamp, end: Timestamp, step: Millis) -> Sequence[Series]:
        value = self.compiled(query).range(self._view(), start, end, step).value
        return [part for part in value if isinstance(part, Series)] if isinstance(value, tuple) else []


def vector_of(answer: Answer) -> Vector:
    """A query's answer as rules take it: a scalar is one sample without labels. Raises EvaluationError for
    other types."""
    value = answer.value
    if isinstance(value, ScalarValue):
        return (Sample(EMPTY, value.timestamp, value.value),)
    if isinstance(value, StringValue) or answer.kind is not ValueType.VECTOR:
        raise EvaluationError("rule result is not a vector or scalar")
    return tuple(part for part in value if isinstance(part, Sample))
