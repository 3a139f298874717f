"""Rules on another PromQL engine: Prometheus, VictoriaMetrics, Mimir, Thanos. The rules' Querier over HTTP.

What the engine says about a query becomes the error that our own evaluator would raise, so a rule's health reads the same;
what is wrong with the engine itself is a PeerError, and the rule is evaluated again in its next slot.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import urlencode

from monitor.config.configuration import QueryEngine
from monitor.model.errors import EvaluationError, PeerError, QueryError, QueryLimitError
from monitor.model.labels import EMPTY, Labels
from monitor.model.samples import Sample, Series, Vector
from monitor.model.surrogates import json_of
from monitor.model.times import Millis, Timestamp
from monitor.net.asking import Asking, body_of
from monitor.promql.nodes import Expr
from monitor.promql.printer import to_text

_MOST_BYTES: Final = 64 << 20
_INLINE_BYTES: Final = 20_000
_HEADERS: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_LONGEST_ERROR: Final = 300


class RemoteQuerier:
    """Implements `monitor.rules.ports.Querier`."""

    def __init__(self, engine: QueryEngine, ask: Asking) -> None:
        self._engine = engine
        self._ask = ask

    def __repr__(self) -> str:
        return f"RemoteQuerier({self._engine.url})"

    async def instant(self, query: Expr | str, at: Timestamp) -> Vector:
        # nocache: VictoriaMetrics would otherwise look half a minute into the past
        kind, result = await self._data("query", query, time=_seconds(at), nocache="1")
        try:
            if kind == "scalar":
                return (Sample(EMPTY, at, float(result[1])),)
            if kind != "vector":
                raise EvaluationError("rule result is not a vector or scalar")
            return tuple(Sample(Labels(one["metric"]), at, float(one["value"][1])) for one in result)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise PeerError(f"{self._engine.url}: the answer has not the form of Prometheus's API") from error

    async def range(self, query: Expr | str, start: Timestamp, end: Timestamp, step: Millis) -> Sequence[Series]:
        kind, result = await self._data(
            "query_range", query, start=_seconds(start), end=_seconds(end), step=_seconds(step), nocache="1"
        )
        try:
            if kind != "matrix":
                raise PeerError(f"{self._engine.url}: a range query was answered with a {kind}")
            return [
                Series(
                    Labels(one["metric"]),
                    tuple((round(float(at) * 1000), float(value)) for at, value in one["values"]),
                )
                for one in result
            ]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise PeerError(f"{self._engine.url}: the answer has not the form of Prometheus's API") from error

    async def _data(self, path: str, query: Expr | str, **given: str) -> tuple[str, Any]:
        """The type of the result, and the result."""
        engine = self._engine
        text = query if isinstance(query, str) else to_text(query)
        timeout = f"{max(math.ceil(engine.timeout / 1000), 1)}s"
        form = urlencode({"query": text, "timeout": timeout, **given}).encode()
        url = f"{engine.url}/api/v1/{path}"
        async with self._ask.post(url, engine.client, _HEADERS, form, engine.timeout) as answer:
            status, body = answer.status, await body_of(answer, _MOST_BYTES)
        if body is None:
            raise QueryLimitError(f"the answer has more than {_MOST_BYTES >> 20} MB")
        try:
            found: Any = json_of(body) if len(body) <= _INLINE_BYTES else await asyncio.to_thread(json_of, body)
        except ValueError:
            found = None
        document = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        if document.get("status") == "success" and isinstance(document.get("data"), dict):
            data = cast("dict[str, Any]", document["data"])
            return str(data.get("resultType")), data.get("result")
        raise _error(url, status, document, body)


def _error(url: str, status: int, document: dict[str, Any], body: bytes) -> Exception:
    """Whose fault it is. VictoriaMetrics tells the status as type, Prometheus its own words."""
    kind = str(document.get("errorType", ""))
    said = str(document.get("error", "")) or body[:_LONGEST_ERROR].decode(errors="replace").strip()
    if kind in ("bad_data", "400"):
        return QueryError(said)
    if kind in ("execution", "422"):
        return EvaluationError(said)
    if kind == "timeout":
        return QueryLimitError(said)
    return PeerError(f"{url} answered with status {status}: {said[:_LONGEST_ERROR]}")


def _seconds(at: Millis) -> str:
    return f"{at / 1000:.3f}"
