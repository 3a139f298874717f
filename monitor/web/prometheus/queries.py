"""Queries: an instant, a range, exemplars."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.errors import QueryError
from monitor.model.samples import Series
from monitor.model.surrogates import whole
from monitor.model.times import Millis
from monitor.web.answers import JSON, body_answer, json_text, streamed_answer
from monitor.web.parts import up
from monitor.web.prometheus.exemplars import query_exemplars
from monitor.web.prometheus.parameters import bad_query, duration_of, invalid, limit_of, parameters, time_of
from monitor.web.prometheus.rendering import query_parts
from monitor.web.routes import Call, Dialect, Route

if TYPE_CHECKING:
    from monitor.promql.engine import Answer, Value

_INLINE_SERIES = 500
_INLINE_POINTS = 2_000
_MOST_STEPS = 11_000


async def query(call: Call) -> web.StreamResponse:
    given = await parameters(call)
    limit = limit_of(given)
    at = time_of(given, "time", call.now)
    seconds, lookback = _seconds(given), _lookback(given)
    text = given.get("query", "")
    stats = _Stats.wanted(given)
    try:
        answer = await up(call.parts.querier).answer(text, at, lookback=lookback, seconds=seconds)
    except QueryError as error:
        raise bad_query(text, error) from None
    return await _answered(call, answer, limit, stats.text(answer) if stats else "")


async def query_range(call: Call) -> web.StreamResponse:
    given = await parameters(call)
    limit = limit_of(given)
    start, end = time_of(given, "start"), time_of(given, "end")
    if end < start:
        raise invalid("end", "end timestamp must not be before start time")
    step = duration_of(given, "step")
    if step <= 0:
        problem = "zero or negative query resolution step widths are not accepted. Try a positive integer"
        raise invalid("step", problem)
    if (end - start) // step > _MOST_STEPS:
        problem = "exceeded maximum resolution of 11,000 points per timeseries."
        raise invalid("step", f"{problem} Try decreasing the query resolution (?step=XX)")
    seconds, lookback = _seconds(given), _lookback(given)
    text = given.get("query", "")
    stats = _Stats.wanted(given)
    try:
        answer = await up(call.parts.querier).answer_range(text, start, end, step, lookback=lookback, seconds=seconds)
    except QueryError as error:
        raise bad_query(text, error) from None
    return await _answered(call, answer, limit, stats.text(answer) if stats else "")


class _Stats:
    """What `stats` asks for: how long it took and how many samples were looked at. We do not divide that by steps or by
    phases: evaluation is all there is."""

    __slots__ = ("_began", "_monotonic")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began = monotonic()

    @classmethod
    def wanted(cls, given: Mapping[str, str]) -> _Stats | None:
        return cls(asyncio.get_running_loop().time) if given.get("stats") else None

    def text(self, answer: Answer) -> str:
        took = round(self._monotonic() - self._began, 9)
        timings = {
            "evalTotalTime": took,
            "resultSortTime": 0,
            "queryPreparationTime": 0,
            "innerEvalTime": took,
            "execQueueTime": 0,
            "execTotalTime": took,
        }
        samples = {"totalQueryableSamples": answer.samples, "peakSamples": answer.samples}
        return json_text({"timings": timings, "samples": samples})


async def _answered(call: Call, answer: Answer, limit: int, stats: str) -> web.StreamResponse:
    if _is_small(answer.value):
        return body_answer(whole("".join(query_parts(answer, limit, stats))).encode(), JSON)
    return await streamed_answer(call.request, lambda: query_parts(answer, limit, stats))


def _is_small(value: Value) -> bool:
    if not isinstance(value, tuple):
        return True
    if len(value) > _INLINE_SERIES:
        return False
    return sum(len(one.points) for one in value if isinstance(one, Series)) <= _INLINE_POINTS


def _seconds(given: Mapping[str, str]) -> float | None:
    if not given.get("timeout"):
        return None
    span = duration_of(given, "timeout")
    if span <= 0:
        raise invalid("timeout", "must be more than nothing")
    return span / 1000


def _lookback(given: Mapping[str, str]) -> Millis | None:
    if not given.get("lookback_delta"):
        return None
    span = duration_of(given, "lookback_delta")
    if span <= 0:
        raise invalid("lookback_delta", "must be more than nothing")
    return span


ROUTES: Final = tuple(
    Route(method=method, path=f"/api/v1/{name}", handler=handler, dialect=Dialect.PROMETHEUS)
    for name, handler in (
        ("query", query),
        ("query_range", query_range),
        ("query_exemplars", query_exemplars),
    )
    for method in ("GET", "POST")
)
