"""PromQL over our own samples: the store's View below, the evaluator in between, the rules' Querier on top.

Small queries are answered on the loop, before the first suspension; one that proved slow goes to a worker thread from then
on. Compiled queries are kept, because they carry the plans for the label sets they met.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

from monitor.model.errors import QueryLimitError
from monitor.model.labels import EMPTY
from monitor.model.samples import Sample, Series, Vector
from monitor.model.times import Millis, Timestamp
from monitor.promql.engine import Answer, Options, Query, ScalarValue, StringValue
from monitor.promql.nodes import Expr
from monitor.promql.printer import to_text
from monitor.tsdb.store import SampleStore

_INLINE_SECONDS = 0.004
_INLINE_SERIES = 20_000
_KEPT = 2_000
_DEADLINE_SECONDS = 120.0


class EmbeddedQuerier:
    """Implements `monitor.rules.ports.Querier`; the HTTP API asks it too."""

    def __init__(self, store: SampleStore, options: Options, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._options = options
        self._monotonic = monotonic
        self._queries: OrderedDict[tuple[str, Millis], tuple[Query, float]] = OrderedDict()
        self._texts: dict[int, tuple[Expr, str]] = {}

    def __repr__(self) -> str:
        return f"EmbeddedQuerier({len(self._queries)} queries)"

    async def instant(self, query: Expr | str, at: Timestamp) -> Vector:
        answer = await self.answer(self._text(query), at)
        match answer.value:
            case ScalarValue(_, value):
                return (Sample(EMPTY, at, value),)
            case StringValue():
                return ()
            case vector:
                return tuple(one for one in vector if isinstance(one, Sample))

    async def range(self, query: Expr | str, start: Timestamp, end: Timestamp, step: Millis) -> Sequence[Series]:
        answer = await self.answer_range(self._text(query), start, end, step)
        return [one for one in answer.value if isinstance(one, Series)] if isinstance(answer.value, tuple) else []

    async def answer(
        self, text: str, at: Timestamp, *, lookback: Millis | None = None, seconds: float = _DEADLINE_SECONDS
    ) -> Answer:
        """An instant query with its type and annotations. Raises QueryError, EvaluationError, QueryLimitError."""
        view = self._store.view()
        check = self._deadline(seconds)
        return await self._run(text, lookback, lambda query: query.instant(view, at, check))

    async def answer_range(
        self,
        text: str,
        start: Timestamp,
        end: Timestamp,
        step: Millis,
        *,
        lookback: Millis | None = None,
        seconds: float = _DEADLINE_SECONDS,
    ) -> Answer:
        """A range query. Raises QueryError, EvaluationError, QueryLimitError."""
        view = self._store.view()
        check = self._deadline(seconds)
        return await self._run(text, lookback, lambda query: query.range(view, start, end, step, check))

    async def _run(self, text: str, lookback: Millis | None, evaluate: Callable[[Query], Answer]) -> Answer:
        key = (text, lookback or 0)
        known = self._queries.get(key)
        if known is None:
            options = self._options if lookback is None else replace(self._options, lookback=lookback)
            query, cost = Query(text, options), 0.0
            large = self._store.stats().series > _INLINE_SERIES
        else:
            query, cost = known
            large = cost > _INLINE_SECONDS
        began = self._monotonic()
        answer = await asyncio.to_thread(evaluate, query) if large else evaluate(query)
        # A slow one may have become fast (fewer series): it is judged anew each time.
        self._queries[key] = (query, self._monotonic() - began)
        self._queries.move_to_end(key)
        if len(self._queries) > _KEPT:
            self._queries.popitem(last=False)
        return answer

    def _text(self, query: Expr | str) -> str:
        if isinstance(query, str):
            return query
        known = self._texts.get(id(query))
        if known is None or known[0] is not query:
            known = (query, to_text(query))
            if len(self._texts) >= _KEPT:
                self._texts.clear()
            self._texts[id(query)] = known
        return known[1]

    def _deadline(self, seconds: float) -> Callable[[], None]:
        until = self._monotonic() + seconds

        def check() -> None:
            if self._monotonic() > until:
                raise QueryLimitError("query timed out in expression evaluation")

        return check
