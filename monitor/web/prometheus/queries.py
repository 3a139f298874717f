"""Queries: instant, range, exemplars (none are kept), and texts printed nicely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.errors import QueryError
from monitor.model.samples import Series
from monitor.model.times import Millis
from monitor.web.answers import JSON, body_answer, json_answer, streamed_answer
from monitor.web.parts import up
from monitor.web.prometheus.parameters import duration_of, invalid, limit_of, parameters, parse_error_text, time_of
from monitor.web.prometheus.rendering import query_parts
from monitor.web.routes import Call, Dialect, Route

if TYPE_CHECKING:
    from monitor.promql.engine import Answer, Value

_INLINE_SERIES = 500
_INLINE_POINTS = 2_000
_LONGEST_SECONDS = 120.0
_MOST_STEPS = 11_000


async def query(call: Call) -> web.StreamResponse:
    given = await parameters(call)
    limit = limit_of(given)
    at = time_of(given, "time", call.now)
    seconds, lookback = _seconds(given), _lookback(given)
    text = given.get("query", "")
    try:
        answer = await up(call.parts.querier).answer(text, at, lookback=lookback, seconds=seconds)
    except QueryError as error:
        raise _bad_query(text, error) from None
    return await _answered(call, answer, limit)


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
    if (end - start) // step >= _MOST_STEPS:
        problem = "exceeded maximum resolution of 11,000 points per timeseries."
        raise invalid("step", f"{problem} Try decreasing the query resolution (?step=XX)")
    seconds, lookback = _seconds(given), _lookback(given)
    text = given.get("query", "")
    try:
        answer = await up(call.parts.querier).answer_range(text, start, end, step, lookback=lookback, seconds=seconds)
    except QueryError as error:
        raise _bad_query(text, error) from None
    return await _answered(call, answer, limit)


async def exemplars(call: Call) -> web.Response:
    """Grafana asks on each dashboard; there are none here."""
    await parameters(call)
    return json_answer({"status": "success", "data": []})


async def format_query(call: Call) -> web.Response:
    from monitor.promql.parser import parse
    from monitor.promql.printer import pretty

    given = await parameters(call)
    text = given.get("query", "")
    try:
        return json_answer({"status": "success", "data": pretty(parse(text))})
    except QueryError as error:
        raise _bad_query(text, error) from None


async def _answered(call: Call, answer: Answer, limit: int) -> web.StreamResponse:
    if _is_small(answer.value):
        return body_answer("".join(query_parts(answer, limit)).encode(errors="replace"), JSON)
    return await streamed_answer(call.request, lambda: query_parts(answer, limit))


def _is_small(value: Value) -> bool:
    if not isinstance(value, tuple):
        return True
    if len(value) > _INLINE_SERIES:
        return False
    return sum(len(one.points) for one in value if isinstance(one, Series)) <= _INLINE_POINTS


def _bad_query(text: str, error: QueryError) -> Exception:
    from monitor.promql.parser import ParseError

    if isinstance(error, ParseError):
        return invalid("query", parse_error_text(text, error.message, error.start))
    return invalid("query", error.message)


def _seconds(given: Mapping[str, str]) -> float:
    if not given.get("timeout"):
        return _LONGEST_SECONDS
    span = duration_of(given, "timeout")
    if span <= 0:
        raise invalid("timeout", "must be more than nothing")
    return min(span / 1000, _LONGEST_SECONDS)


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
        ("query_exemplars", exemplars),
        ("format_query", format_query),
    )
    for method in ("GET", "POST")
)
