"""Texts of queries: printed nicely, and as a tree. Source of the tree's form: prometheus web/api/v1/translate_ast.go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.errors import QueryError
from monitor.model.surrogates import whole
from monitor.web.answers import body_answer, json_answer, json_text
from monitor.web.prometheus.parameters import bad_query, parameters
from monitor.web.prometheus.rendering import value_text
from monitor.web.routes import Call, Dialect, Route

if TYPE_CHECKING:
    from monitor.matching.matchers import Matcher
    from monitor.promql.nodes import Bound, Expr, Matching, Shift, VectorSelector

_INLINE_TEXT: Final = 4_000
"""Characters; reading a hundred thousand takes a second."""


async def format_query(call: Call) -> web.Response:
    return await _told(call, _pretty)


async def parse_query(call: Call) -> web.Response:
    return await _told(call, _tree)


async def _told(call: Call, read: Callable[[str], object]) -> web.Response:
    text = (await parameters(call)).get("query", "")
    try:
        if len(text) <= _INLINE_TEXT:
            return json_answer({"status": "success", "data": read(text)})
        body = await asyncio.to_thread(lambda: json_text({"status": "success", "data": read(text)}))
    except QueryError as error:
        raise bad_query(text, error) from None
    return body_answer(whole(body).encode(), "application/json")


def _pretty(text: str) -> str:
    from monitor.promql.parser import parse
    from monitor.promql.printer import pretty

    return pretty(parse(text))


def _tree(text: str) -> object:
    from monitor.promql.parser import parse

    return tree_document(parse(text))


def tree_document(node: Expr) -> dict[str, object]:
    """An expression and all below it as Prometheus's own interface reads it. Durations are milliseconds."""
    from monitor.promql import nodes

    match node:
        case nodes.Number():
            return {"type": "numberLiteral", "val": value_text(node.value)}
        case nodes.Text():
            return {"type": "stringLiteral", "val": node.value}
        case nodes.Paren():
            return {"type": "parenExpr", "expr": tree_document(node.expr)}
        case nodes.Unary():
            return {"type": "unaryExpr", "op": node.op, "expr": tree_document(node.expr)}
        case nodes.VectorSelector():
            return {"type": "vectorSelector", **_selector(node)}
        case nodes.MatrixSelector():
            return {"type": "matrixSelector", **_selector(node.selector), "range": node.range}
        case nodes.Subquery():
            inner: dict[str, object] = {"expr": tree_document(node.expr), "range": node.range, "step": node.step}
            return {"type": "subquery", **inner, **_shift(node.shift)}
        case nodes.Call():
            called = node.function
            function: dict[str, object] = {
                "name": called.name,
                "argTypes": [one.value for one in called.arguments],
                "variadic": called.variadic,
                "returnType": called.result.value,
            }
            return {"type": "call", "func": function, "args": [tree_document(one) for one in node.args]}
        case nodes.Aggregation():
            return {
                "type": "aggregation",
                "op": node.op,
                "expr": tree_document(node.expr),
                "param": None if node.param is None else tree_document(node.param),
                "grouping": list(node.grouping),
                "without": node.without,
            }
        case nodes.Binary():
            return {
                "type": "binaryExpr",
                "op": node.op,
                "lhs": tree_document(node.left),
                "rhs": tree_document(node.right),
                "matching": None if node.matching is None else _matching(node.matching),
                "bool": node.return_bool,
            }


def _selector(node: VectorSelector) -> dict[str, object]:
    return {"name": node.name, "matchers": [_matcher(one) for one in node.matchers], **_shift(node.shift)}


def _matcher(matcher: Matcher) -> dict[str, object]:
    return {"name": matcher.name, "value": matcher.value, "type": matcher.op.value}


def _shift(shift: Shift) -> dict[str, object]:
    at: int | Bound | None = shift.at
    fixed = at if isinstance(at, int) else None
    bound = None if at is None or isinstance(at, int) else at.value
    return {"offset": shift.offset, "timestamp": fixed, "startOrEnd": bound}


def _matching(matching: Matching) -> dict[str, object]:
    fills = [None if fill is None else value_text(fill) for fill in (matching.fill_left, matching.fill_right)]
    return {
        "card": matching.cardinality.value,
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
        "fillValues": {"lhs": fills[0], "rhs": fills[1]},
    }


ROUTES: Final = tuple(
    Route(method=method, path=f"/api/v1/{name}", handler=handler, dialect=Dialect.PROMETHEUS)
    for name, handler in (("format_query", format_query), ("parse_query", parse_query))
    for method in ("GET", "POST")
)
