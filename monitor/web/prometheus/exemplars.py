"""Exemplars of the series that a query reads. Source: prometheus web/api/v1/api.go (queryExemplars)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiohttp import web

from monitor.model.errors import QueryError
from monitor.web.answers import json_answer, streamed_answer
from monitor.web.prometheus.parameters import bad_query, parameters, span_of
from monitor.web.prometheus.rendering import labels_text, seconds_text, value_text
from monitor.web.routes import Call

if TYPE_CHECKING:
    from monitor.model.samples import Exemplar


async def query_exemplars(call: Call) -> web.StreamResponse:
    """Those of every selector in the query, whatever is done with it there. Grafana asks on each dashboard."""
    from monitor.promql.inspect import selectors
    from monitor.promql.parser import parse

    given = await parameters(call)
    start, end = span_of(given)
    text = given.get("query", "")
    try:
        wanted = [one.matchers for one in selectors(parse(text))]
    except QueryError as error:
        raise bad_query(text, error) from None
    if call.parts.exemplars is None or not wanted:
        return json_answer({"status": "success", "data": []})
    select = call.parts.exemplars.reader()

    def parts() -> Iterator[str]:
        opening = '{"status":"success","data":['
        for series, exemplar in select(wanted, start, end):
            yield f'{opening}{{"seriesLabels":{labels_text(series)},"exemplars":[{_exemplar(exemplar)}]}}'
            opening = ","
        yield "]}" if opening == "," else f"{opening}]}}"

    return await streamed_answer(call.request, parts)


def _exemplar(one: Exemplar) -> str:
    told = f'"value":"{value_text(one.value)}","timestamp":{seconds_text(one.timestamp)}'
    return f'{{"labels":{labels_text(one.labels)},{told}}}'
