"""The runners of tables and scripts refuse a case that differs from what we do, and one that they cannot compare."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.cases import plain
from tests.conformance.promqltest import Script
from tests.conformance.tables import Tally, registry, run_table

_SERIES = {
    "kind": "histograms",
    "input": "{} {{schema:1 buckets:[5 10]}}",
    "fail": False,
    "histograms": [{"schema": 1, "positive_buckets": [5, 10], "positive_spans": [[0, 2]]}],
}
_NEGATION = {
    "kind": "parse",
    "input": "-up",
    "fail": False,
    "ast": {
        "node": "UnaryExpr",
        "op": "-",
        "expr": {"node": "VectorSelector", "name": "up", "matchers": [["__name__", "=", "up"]]},
    },
}
_PORT = {
    "kind": "scalar",
    "text": '"localhost:25"',
    "section": "global.smtp_smarthost",
    "error": None,
    "checks": [{"path": "", "printed_as_yaml": "localhost:25\n"}],
}
_WHOLE = {
    "kind": "load",
    "text": "{global: {resolve_timeout: 6m, slack_api_url: 'http://a.test/b'}, route: {receiver: a}, receivers: [{name: a}]}",
    "error": None,
    "checks": [
        {"path": "route.receiver", "printed_as_yaml": "a\n"},
        {"path": "receivers[0].name", "printed_as_json": '"a"'},
        {"path": "global.slack_api_url", "printed_as_json": '"\\u003csecret\\u003e"'},
        {"path": "global.slack_api_url", "printed_as_yaml": "<secret>\n", "equals": "http://a.test/b"},
    ],
}
_HOOK = {
    "kind": "receiver",
    "section": "webhook_configs",
    "text": "{url: 'http://a.test/b', max_alerts: 3}",
    "error": None,
    "checks": [
        {"path": "max_alerts", "printed_as_yaml": "3\n"},
        {"path": "url", "printed_as_json": '"<secret>"'},
        {"path": "url_file", "printed_as_json": '""'},
    ],
}
_HIDDEN = {
    "kind": "scalar",
    "text": "'http://a.test/b'",
    "section": "webhook_configs[].url",
    "error": None,
    "checks": [{"path": "", "printed_as_yaml": "<secret>\n"}],
}
_TEXT = {"kind": "expand", "html": False, "query_result": None, "options": None, "fails": False}
_MAP = {**_TEXT, "text": "{{.a}}", "dot": {"go_type": "map[string]string", "value": {"a": "b"}}, "output": "b"}
_BOOL = {**_TEXT, "text": "{{if .}}yes{{end}}", "dot": {"go_type": "bool", "value": True}, "output": "yes"}
_NIL = {**_TEXT, "text": "{{if .}}yes{{else}}no{{end}}", "dot": {"go_type": "nil", "value": None}, "output": "no"}
_CODES = {"kind": "codes", "receiver": "discord", "variant": "DiscordRetry", "retry": [500], "final": [400]}
_CUT = {
    "kind": "truncate",
    "in": "abcde",
    "n": 4,
    "runes": {"out": "abc…", "cut": True},
    "bytes": {"out": "a…", "cut": True},
}


def _run(folder: Path, name: str, case: Mapping[str, Any]) -> Tally:
    table = folder / name
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text(json.dumps({"cases": [case]}), "utf-8")
    return run_table(table, registry()[name])


@pytest.mark.parametrize(
    ("name", "case", "path", "value"),
    [
        ("promql_parse.json", _NEGATION, ("ast", "node"), "ParenExpr"),
        ("promql_parse.json", _NEGATION, ("ast", "op"), "+"),
        ("promql_parse.json", _NEGATION, ("ast", "expr", "node"), "NumberLiteral"),
        ("promql_parse.json", _NEGATION, ("ast", "new_field"), True),
        ("promql_series.json", _SERIES, ("histograms", 0, "positive_buckets"), [5, 10, 15]),
        ("promql_series.json", _SERIES, ("histograms", 0, "new_field"), 1),
        ("config/config_cases.json", _PORT, ("checks", 0, "printed_as_yaml"), "localhost:26\n"),
        ("config/config_cases.json", _PORT, ("checks", 0), {"path": "", "new_question": 1}),
        ("config/config_cases.json", _PORT, ("checks", 0), {"path": ""}),
        ("config/config_cases.json", _WHOLE, ("checks", 0, "printed_as_yaml"), "b\n"),
        ("config/config_cases.json", _WHOLE, ("checks", 1, "printed_as_json"), '"b"'),
        ("config/config_cases.json", _WHOLE, ("checks", 2, "printed_as_json"), '"http://a.test/b"'),
        ("config/config_cases.json", _HOOK, ("checks", 0, "printed_as_yaml"), "4\n"),
        ("config/config_cases.json", _HOOK, ("checks", 1, "printed_as_json"), '"http://a.test/b"'),
        ("config/config_cases.json", _HOOK, ("checks", 2, "printed_as_json"), '"f"'),
        ("config/config_cases.json", {**_HOOK, "checks": None}, ("text",), "{max_alerts: 3}"),
        ("config/config_cases.json", _HIDDEN, ("checks", 0, "printed_as_yaml"), "http://a.test/b\n"),
        ("config/config_cases.json", {**_HIDDEN, "checks": None}, ("text",), "'ftp://a.test/b'"),
        ("config/config_cases.json", {**_WHOLE, "checks": None}, ("text",), "{}"),
        ("prometheus/template.json", _MAP, ("output",), "a"),
        ("prometheus/template.json", _MAP, ("dot", "go_type"), "struct"),
        ("prometheus/template.json", _MAP, ("dot", "value"), {"a": ["b"]}),
        ("prometheus/template.json", _BOOL, ("dot", "value"), False),
        ("prometheus/template.json", _BOOL, ("dot",), {"go_type": "time.Duration", "value": "1s"}),
        ("prometheus/template.json", _NIL, ("output",), "yes"),
        ("prometheus/template.json", {**_NIL, "dot": None}, ("output",), "yes"),
        ("retry_codes.json", _CODES, ("receiver",), "disc"),
    ],
)
def test_a_case_that_says_something_else_fails(
    tmp_path: Path, name: str, case: dict[str, Any], path: tuple[str | int, ...], value: object
) -> None:
    """It passes as it is, and not with this one field changed."""
    assert _run(tmp_path, name, case).passed == 1
    other: Any = copy.deepcopy(case)
    holder = other
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    assert len(_run(tmp_path, name, other).failures) == 1


def test_texts_may_be_written_in_three_ways(tmp_path: Path) -> None:
    """Plain, as bytes, and as repeated parts; an object that only looks so is left alone."""
    assert _run(tmp_path, "truncate.json", {**_CUT, "in": {"hex": "6162636465"}}).passed == 1
    assert (
        _run(tmp_path, "truncate.json", {**_CUT, "in": {"concat": [["ab", 1], [{"hex": "63"}, 1], ["de", 1]]}}).passed
        == 1
    )
    assert plain([{"hex": "ff"}]) == ["\udcff"]
    assert plain({"hex": "ff", "other": 1}) == {"hex": "ff", "other": 1}
    assert plain({"hex": "no digits"}) == {"hex": "no digits"}
    assert plain({"labels": {"hex": "ff"}}) == {"labels": {"hex": "ff"}}
    assert plain({"commonLabels": {"hex": {"hex": "ff"}}}) == {"commonLabels": {"hex": "\udcff"}}


def test_the_size_of_a_silence_counts_its_stored_id(tmp_path: Path) -> None:
    """A table calls it `s1`, Alertmanager stores 36 characters: with them 38 bytes, 24 of instants, 10 of matchers, 10 around."""
    silence = {
        "matchers": [{"name": "a", "op": "=", "value": "b"}],
        "starts_at": "2024-01-01T00:00:00Z",
        "ends_at": "2024-01-01T00:05:00Z",
    }
    error = "silence exceeded maximum size: 82 bytes (limit: 10 bytes)"
    step = {"op": "set", "at": "2024-01-01T00:00:00Z", "silence": silence, "expect": {"error": error}}
    scenario = {"kind": "scenario", "retention": "0s", "limits": {"max_silence_size_bytes": 10}, "steps": [step]}
    tally = _run(tmp_path, "alertmanager/silences.json", scenario)
    assert not tally.failures, tally.failures


@pytest.mark.parametrize(
    ("query", "row"),
    [("vector(1)", "1"), ("1", "{} 1"), ("vector(1)", "{} 1 1"), ("vector(NaN)", "{} _"), ("vector(1)", "{} 2")],
)
def test_an_answer_of_another_type_or_number_fails(tmp_path: Path, query: str, row: str) -> None:
    """A scalar is no vector of one element, and an instant has one value."""
    script = tmp_path / "a.test"
    script.write_text(f"eval instant at 0 {query}\n  {row}\n", "utf-8")
    count = Script(gappy=False).run(script)
    assert (count.passed, count.failed) == (0, 1)


def test_lines_end_with_line_feeds_only(tmp_path: Path) -> None:
    """A label may hold any other character that Unicode calls a line's end."""
    script = tmp_path / "a.test"
    script.write_text('load 1m\n  a{b="x\u2028y\x85z"} 1\n\neval instant at 0 a\n  a{b="x\u2028y\x85z"} 1\n', "utf-8")
    count = Script(gappy=False).run(script)
    assert (count.passed, count.failed) == (1, 0), count.problems
