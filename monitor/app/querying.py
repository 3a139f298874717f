"""PromQL over our own samples: the store's View below, the evaluator in between, the rules' Querier on top.

What is known to be quick is answered on the loop, before the first suspension. The rest goes to a worker thread: whatever
proved slow, and what somebody asks for the first time, since nobody knows what a stranger's query costs. A rule's first
evaluation is believed to be quick while there are few series. Of strangers' queries so many are evaluated at a time as the
configuration allows, in threads of their own; the others wait, and their time runs. A thread cannot be cut off, so whoever
goes away leaves the place taken until it is done. A rule never waits for them, nor does anything else that the daemon does in
threads. Compiled queries are kept, because they carry the plans for the label sets they met.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from monitor.config.configuration import QuerySettings
from monitor.model.errors import QueryLimitError
from monitor.model.samples import Series, Vector
from monitor.model.times import SECOND, Millis, Timestamp
from monitor.promql.engine import Answer, Options, Query
from monitor.promql.nodes import Expr
from monitor.promql.plans import LearningError
from monitor.promql.printer import to_text
from monitor.promql.sharing import Shared, Sharing
from monitor.rules.inline import vector_of
from monitor.tsdb.store import SampleStore

_INLINE_SECONDS = 0.004
_INLINE_SERIES = 10_000
"""To look through for the first time."""
_INLINE_LEARNING = 1_000
"""Label sets; of what is new about them an evaluation keeps plans, at some microseconds for each."""
_INLINE_TEXT = 4_000
"""Characters; reading a hundred thousand takes a second."""
_LONGEST_TEXT = 200_000
_KEPT = 2_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """What a query may take of us."""

    seconds: float = 120.0
    """Waiting included."""
    concurrency: int = 20
    """Queries of strangers that are evaluated at the same time, in threads."""


class EmbeddedQuerier:
    """Implements `monitor.rules.ports.Querier`; the HTTP API asks it too."""

    def __init__(
        self, store: SampleStore, options: Options, monotonic: Callable[[], float], limits: QueryLimits | None = None
    ) -> None:
        self._store = store
        self._options = options
        self._limits = limits if limits is not None else QueryLimits()
        self._places = asyncio.Semaphore(self._limits.concurrency)
        self._threads: ThreadPoolExecutor | None = None
        """Of strangers' queries; made when the first one needs it."""
        self._closed = False
        self._monotonic = monotonic
        self._queries: OrderedDict[tuple[str, Millis], _Known] = OrderedDict()
        self._texts: dict[int, tuple[Expr, str]] = {}
        self._shared = Shared(0)
        """Of the rules that were evaluated last."""

    def __repr__(self) -> str:
        return f"EmbeddedQuerier({len(self._queries)} queries)"

    def configure(self, options: Options, limits: QueryLimits) -> None:
        """From now on evaluate so. What was compiled is forgotten; what is being evaluated goes on."""
        if limits != self._limits:
            self._limits = limits
            self._places = asyncio.Semaphore(limits.concurrency)
            self._end_threads()
        if options != self._options:
            self._options = options
            self._queries.clear()

    def close(self) -> None:
        """What is being evaluated ends at its next look at the clock."""
        self._closed = True
        self._end_threads()

    async def instant(self, query: Expr | str, at: Timestamp) -> Vector:
        view, check = self._store.view(), self._deadline(None)[1]
        shared = self._shared
        if shared.at != at:
            shared = self._shared = Shared(at)
        sharing = Sharing(shared, view.state)
        answer = await self._run(
            self._text(query),
            None,
            1,
            lambda query, learning: query.instant(view, at, check, sharing, learning),
            rule=True,
        )
        return vector_of(answer)

    async def range(self, query: Expr | str, start: Timestamp, end: Timestamp, step: Millis) -> Sequence[Series]:
        view, check = self._store.view(), self._deadline(None)[1]
        answer = await self._run(
            self._text(query),
            None,
            _steps(start, end, step),
            lambda query, learning: query.range(view, start, end, step, check, learning),
            rule=True,
        )
        return [one for one in answer.value if isinstance(one, Series)] if isinstance(answer.value, tuple) else []

    async def answer(
        self, text: str, at: Timestamp, *, lookback: Millis | None = None, seconds: float | None = None
    ) -> Answer:
        """An instant query with its type and annotations. Raises QueryError, EvaluationError, QueryLimitError."""
        view = self._store.view()
        until, check = self._deadline(seconds)
        return await self._run(
            text, lookback, 1, lambda query, learning: query.instant(view, at, check, None, learning), until=until
        )

    async def answer_range(
        self,
        text: str,
        start: Timestamp,
        end: Timestamp,
        step: Millis,
        *,
        lookback: Millis | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """A range query. Raises QueryError, EvaluationError, QueryLimitError."""
        view = self._store.view()
        until, check = self._deadline(seconds)
        return await self._run(
            text,
            lookback,
            _steps(start, end, step),
            lambda query, learning: query.range(view, start, end, step, check, learning),
            until=until,
        )

    async def _run(
        self,
        text: str,
        lookback: Millis | None,
        steps: int,
        evaluate: Callable[[Query, int | None], Answer],
        *,
        until: float | None = None,
        rule: bool = False,
    ) -> Answer:
        key = (text, lookback or 0)
        known = self._queries.get(key)
        fresh = known is None
        if known is None:
            known = await self._compiled(text, lookback, rule=rule)
            inline = rule and steps == 1 and self._store.series <= _INLINE_SERIES
        else:
            inline = known.seconds_per_step * steps <= _INLINE_SECONDS
        places = None if inline or until is None else await self._place(until)
        began = self._monotonic()
        try:
            if inline:
                with contextlib.suppress(LearningError):
                    return evaluate(known.query, _INLINE_LEARNING)
                places = None if until is None else await self._place(until)
            if places is None:
                return await asyncio.to_thread(evaluate, known.query, None)
            answer = self._elsewhere(lambda: evaluate(known.query, None))
            answer.add_done_callback(lambda _: places.release())
            return await asyncio.shield(answer)
        finally:
            # A slow one may have become fast (fewer series): it is judged anew each time. One that was slow for once was
            # kept waiting by something else.
            seconds = (self._monotonic() - began) / steps
            known.seconds_per_step = seconds if fresh else min(seconds, known.last_seconds)
            known.last_seconds = seconds
            self._queries[key] = known
            self._queries.move_to_end(key)
            if len(self._queries) > _KEPT:
                self._queries.popitem(last=False)

    async def _compiled(self, text: str, lookback: Millis | None, *, rule: bool) -> _Known:
        if len(text) > _LONGEST_TEXT:
            raise QueryLimitError(f"query is longer than {_LONGEST_TEXT} characters")
        options = self._options if lookback is None else replace(self._options, lookback=lookback)
        if len(text) <= _INLINE_TEXT:
            return _Known(Query(text, options))
        if rule:
            return _Known(await asyncio.to_thread(Query, text, options))
        return _Known(await self._elsewhere(lambda: Query(text, options)))

    def _elsewhere(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do it in a thread of strangers."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._limits.concurrency, thread_name_prefix="queries")
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _end_threads(self) -> None:
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)

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

    async def _place(self, until: float) -> asyncio.Semaphore:
        """Wait for a place among those who are evaluated; to be released."""
        places = self._places
        try:
            async with asyncio.timeout(max(until - self._monotonic(), 0)):
                await places.acquire()
        except TimeoutError:
            raise QueryLimitError("query timed out in query queue") from None
        return places

    def _deadline(self, seconds: float | None) -> tuple[float, Callable[[], None]]:
        longest = self._limits.seconds
        until = self._monotonic() + (longest if seconds is None else min(seconds, longest))

        def check() -> None:
            if self._monotonic() > until:
                raise QueryLimitError("query timed out in expression evaluation")
            if self._closed:
                raise QueryLimitError("query was cut off: the daemon stops")

        return until, check


def _steps(start: Timestamp, end: Timestamp, step: Millis) -> int:
    return max(end - start, 0) // max(step, 1) + 1


def limits_of(settings: QuerySettings) -> QueryLimits:
    """What a query may take."""
    return QueryLimits(seconds=settings.timeout / SECOND, concurrency=settings.max_concurrency)


def options_of(settings: QuerySettings) -> Options:
    """How the evaluator is told."""
    return Options(
        features=settings.features,
        delayed_names=settings.delayed_names,
        start_timestamps=settings.start_timestamps,
        lookback=settings.lookback,
        default_subquery_step=settings.subquery_step,
        max_samples=settings.max_samples,
    )


class _Known:
    """A query that was asked before."""

    __slots__ = ("last_seconds", "query", "seconds_per_step")

    def __init__(self, query: Query) -> None:
        self.query = query
        self.seconds_per_step = 0.0
        """What it is believed to take."""
        self.last_seconds = 0.0
        """What it took last, waiting included."""
