"""promql_parse.json, promql_print.json, promql_pretty.json, promql_series.json: trees, errors with places, printing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from monitor.model.errors import QueryError
from monitor.model.times import parse_duration
from monitor.promql import nodes
from monitor.promql.features import ALL_FEATURES, Features
from monitor.promql.native_histograms import NativeHistogram
from monitor.promql.nodes import Bound, Duration, DurationExpr, Expr, Number
from monitor.promql.parser import ParseError, parse
from monitor.promql.printer import pretty, to_text
from monitor.promql.series_notation import parse_mixed_series_line
from tests.conformance.cases import Case, Check, read_text

_PARSE_FEATURES = Features(experimental_functions=True, extended_ranges=True)
Fields = Mapping[str, Any]


def check_parse(case: Case) -> None:
    text = _text(case.data["input"])
    if not case.data["fail"]:
        _same_tree(parse(text, _PARSE_FEATURES), case.data["ast"])
        return
    try:
        parse(text, _PARSE_FEATURES)
    except ParseError as error:
        found = [{"start": one.start, "end": one.end, "msg": one.message} for one in error.findings]
        if "errors_total" in case.data:
            assert len(found) == case.data["errors_total"], f"{len(found)} errors"
            found = found[:3] + found[-1:]
        assert found == case.data["errors"], f"got {found}"
    else:
        raise AssertionError("parsed")


def check_print(case: Case) -> None:
    tree = parse(_text(case.data["in"]), ALL_FEATURES)
    out = pretty(tree, width=case.data["max_width"]) if case.kind == "pretty" else to_text(tree)
    assert out == case.data["out"], f"got {out!r}"


def check_series(case: Case) -> None:
    text = _text(case.data["input"])
    try:
        line = parse_mixed_series_line(text)
    except QueryError as error:
        assert case.data["fail"], f"refused: {error}"
        wanted = case.data.get("error_contains", "")
        said = f"1:{(error.start or 0) + 1}: parse error: {error.message}"
        assert wanted in said, f"said {said}"
        return
    assert not case.data["fail"], "accepted"
    if case.kind == "histograms":
        assert len(line.values) == len(case.data["histograms"]), f"got {line.values}"
        for value, wanted in zip(line.values, case.data["histograms"], strict=True):
            assert isinstance(value, NativeHistogram), f"got {value}"
            _same_histogram(value, wanted)
        return
    values = [
        "_" if value is None else _comparable(value) for value in line.values if not isinstance(value, NativeHistogram)
    ]
    wanted = ["_" if value == "_" else _comparable(value) for value in case.data["values"]]
    assert dict(line.labels) == case.data["labels"], f"got {line.labels}"
    assert values == wanted, f"got {values}"


def _comparable(value: Any) -> float | str:
    return "NaN" if math.isnan(float(value)) else float(value)


def _same_histogram(value: NativeHistogram, fields: Fields) -> None:
    assert set(fields) <= _OF_HISTOGRAMS, f"nobody compares {set(fields) - _OF_HISTOGRAMS}"
    for name in ("schema", "sum", "count", "zero_count", "zero_threshold"):
        _equal(_comparable(getattr(value, name)), _comparable(fields.get(name, 0)), name)
    _equal(value.counter_reset_hint, fields.get("counter_reset_hint", "unknown"), "hint")
    _equal(
        list(map(_comparable, value.custom_values)), list(map(_comparable, fields.get("custom_values", []))), "bounds"
    )
    for buckets, side in ((value.positive, "positive"), (value.negative, "negative")):
        found = {place: _comparable(count) for place, count in enumerate(buckets.counts, start=buckets.offset)}
        _equal(found, _placed(fields.get(f"{side}_spans", []), fields.get(f"{side}_buckets", [])), side)


def _placed(spans: list[list[int]], counts: list[Any]) -> dict[int, float | str]:
    """Index => count; a span's offset counts from the end of the one before."""
    out: dict[int, float | str] = {}
    place, waiting = 0, iter(counts)
    for offset, length in spans:
        place += offset
        for _ in range(length):
            out[place] = _comparable(next(waiting))
            place += 1
    assert not list(waiting), "more buckets than the spans hold"
    return out


def _text(value: object) -> str:
    return read_text(value).decode("utf-8", "surrogateescape")


def _millis(text: Any) -> int:
    if not text:
        return 0
    return -parse_duration(text[1:]) if text[0] == "-" else parse_duration(text)


def _equal(found: object, wanted: object, what: str) -> None:
    assert found == wanted, f"{what}: {found!r} is not {wanted!r}"


_KINDS: Final[Mapping[str, type]] = {
    "AggregateExpr": nodes.Aggregation,
    "BinaryExpr": nodes.Binary,
    "Call": nodes.Call,
    "DurationExpr": nodes.DurationExpr,
    "MatrixSelector": nodes.MatrixSelector,
    "NumberLiteral": nodes.Number,
    "ParenExpr": nodes.Paren,
    "StringLiteral": nodes.Text,
    "SubqueryExpr": nodes.Subquery,
    "UnaryExpr": nodes.Unary,
    "VectorSelector": nodes.VectorSelector,
}

_COMPARED: Final = frozenset(
    (
        *("node", "pos", "start_pos", "end_pos", "val", "duration", "op", "wrapped", "lhs", "rhs", "matching"),
        *("name", "matchers", "anchored", "smoothed", "bypass_empty_matcher_check", "start_or_end", "timestamp"),
        *("original_offset", "original_offset_expr", "vector_selector", "range", "range_expr", "step", "step_expr"),
        *("expr", "func", "args", "grouping", "without", "param", "return_bool"),
    )
)
"""All fields that the comparisons below look at."""
_OF_HISTOGRAMS: Final = frozenset(
    (
        *("schema", "sum", "count", "zero_count", "zero_threshold", "counter_reset_hint", "custom_values"),
        *("positive_spans", "positive_buckets", "negative_spans", "negative_buckets"),
    )
)


def _places(node: Expr | Duration, fields: Fields) -> None:
    assert isinstance(node, _KINDS[fields["node"]]), f"{fields['node']} is a {type(node).__name__}"
    assert set(fields) <= _COMPARED, f"nobody compares {set(fields) - _COMPARED}"
    if "pos" in fields:
        _equal([node.start, node.end], fields["pos"], f"{fields['node']} place")
    if "start_pos" in fields:
        _equal(node.start, fields["start_pos"], f"{fields['node']} start")
    if "end_pos" in fields:
        _equal(node.end, fields["end_pos"], f"{fields['node']} end")


def _same_duration(node: Duration | None, fields: Fields | None) -> None:
    if fields is None:
        _equal(node, None, "duration")
        return
    assert node is not None, "no duration"
    _places(node, fields)
    if isinstance(node, Number):
        _equal((node.value, node.duration), (fields["val"], fields.get("duration", False)), "duration")
    else:
        _equal((node.op, node.wrapped), (fields["op"], fields.get("wrapped", False)), "operator")
        _same_duration(node.left, fields.get("lhs"))
        _same_duration(node.right, fields.get("rhs"))


def _same_range(span: int, tree: DurationExpr | None, fields: Fields, name: str) -> None:
    _equal(span, _millis(fields.get(name)), name)
    _same_duration(tree, fields.get(f"{name}_expr"))


def _same_shift(shift: nodes.Shift, fields: Fields) -> None:
    _same_range(shift.offset, shift.offset_expr, fields, "original_offset")
    at = shift.at.value if isinstance(shift.at, Bound) else shift.at
    _equal(at, fields.get("start_or_end") or fields.get("timestamp"), "@")


def _same_tree(node: Expr, fields: Fields) -> None:
    _places(node, fields)
    match node:
        case nodes.Number():
            wanted = float(fields["val"])
            assert node.value == wanted or (math.isnan(node.value) and math.isnan(wanted)), f"{node.value}"
        case nodes.Text():
            _equal(node.value, _text(fields["val"]), "text")
        case nodes.VectorSelector():
            _equal(node.name, fields.get("name", ""), "name")
            _equal([[one.name, one.op.value, one.value] for one in node.matchers], fields["matchers"], "matchers")
            _equal(node.anchored, fields.get("anchored", False), "anchored")
            _equal(node.smoothed, fields.get("smoothed", False), "smoothed")
            _equal(node.anything, fields.get("bypass_empty_matcher_check", False), "anything")
            _same_shift(node.shift, fields)
        case nodes.MatrixSelector():
            _same_tree(node.selector, fields["vector_selector"])
            _same_range(node.range, node.range_expr, fields, "range")
        case nodes.Subquery():
            _same_tree(node.expr, fields["expr"])
            _same_range(node.range, node.range_expr, fields, "range")
            _same_range(node.step, node.step_expr, fields, "step")
            _same_shift(node.shift, fields)
        case nodes.Call():
            _equal(node.function.name, fields["func"], "function")
            _equal(len(node.args), len(fields["args"]), "arguments")
            for argument, wanted in zip(node.args, fields["args"], strict=True):
                _same_tree(argument, wanted)
        case nodes.Aggregation():
            _equal(node.op, fields["op"], "operator")
            _equal(list(node.grouping), fields.get("grouping", []), "grouping")
            _equal(node.without, fields.get("without", False), "without")
            _same_tree(node.expr, fields["expr"])
            _equal(node.param is None, fields.get("param") is None, "parameter")
            if node.param is not None:
                _same_tree(node.param, fields["param"])
        case nodes.Binary():
            _equal((node.op, node.return_bool), (fields["op"], fields.get("return_bool", False)), "operator")
            _same_tree(node.left, fields["lhs"])
            _same_tree(node.right, fields["rhs"])
            _same_matching(node.matching, fields.get("matching"))
        case nodes.Unary():
            _equal(node.op, fields["op"], "operator")
            _same_tree(node.expr, fields["expr"])
        case nodes.Paren():
            _same_tree(node.expr, fields["expr"])


def _same_matching(matching: nodes.Matching | None, fields: Fields | None) -> None:
    _equal(matching is None, fields is None, "matching")
    if matching is not None and fields is not None:
        _equal(matching.cardinality.value, fields["card"], "cardinality")
        _equal(list(matching.labels), fields.get("matching_labels", []), "labels")
        _equal(matching.on, fields.get("on", False), "on")
        _equal(list(matching.include), fields.get("include", []), "include")


TABLES: dict[str, Check] = {
    "promql_parse.json": check_parse,
    "promql_print.json": check_print,
    "promql_pretty.json": check_print,
    "promql_series.json": check_series,
}
