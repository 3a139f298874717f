"""Printing and reading again is the identity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.promql.features import ALL_FEATURES
from monitor.promql.parser import parse
from monitor.promql.printer import pretty, to_text

_names = st.sampled_from(["up", "http_requests_total", "job:x:rate5m", "offset", "sum", "by"])
_labels = st.sampled_from(["job", "le", "by", "a.b", "ü", "on"])
_texts = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\ufffd"), max_size=6)
_durations = st.sampled_from(["5m", "1h30m", "90s", "250ms", "1d", "300", "0.5", "(5m + 10s)", "step()", "2 * 1m"])


def _quoted(text: str) -> str:
    return to_text(parse("`" + text.replace("`", "").replace("\r", "") + "`"))


@st.composite
def _selectors(draw: st.DrawFn) -> str:
    name = draw(_names)
    matchers = [
        f'"{label}"{draw(st.sampled_from(["=", "!="]))}{_quoted(draw(_texts))}'
        for label in draw(st.lists(_labels, max_size=1))
    ]
    shift = draw(st.sampled_from(["", " offset 5m", " offset -1h", " @ 12.5", " @ end()", " @ start() offset 90s"]))
    return f"{name}{{{','.join(matchers)}}}{shift}"


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "/", "%", "^", "atan2", "> bool", "<=", "== on (job)", "!= ignoring (le)"])
    sets = st.sampled_from(["and", "or on ()", "unless ignoring (job)", "* on (job) group_left (le)"])
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"),
        st.tuples(inner, sets, inner).map(" ".join),
        st.tuples(_labels, inner).map(lambda parts: f'sum by ("{parts[0]}", job) ({parts[1]})'),
        inner.map(lambda one: f"topk without (le) (3, {one})"),
        st.tuples(inner, _durations).map(lambda parts: f"max_over_time(({parts[0]})[{parts[1]}:1m] offset 5m)"),
        inner.map(lambda one: f"-({one})"),
        st.tuples(inner, _texts).map(lambda parts: f'label_replace({parts[0]}, "a", {_quoted(parts[1])}, "b", "(.*)")'),
    )


_expressions = st.recursive(_selectors(), _wider, max_leaves=6)


@given(_expressions)
def test_parse_after_print_is_the_identity(text: str) -> None:
    """The printed text has the same tree, on one line and over many."""
    tree = parse(text, ALL_FEATURES)
    assert parse(to_text(tree), ALL_FEATURES) == tree
    assert parse(pretty(tree, width=20), ALL_FEATURES) == tree


@given(_expressions)
def test_printing_settles_at_once(text: str) -> None:
    """Printing what was printed changes nothing."""
    once = to_text(parse(text, ALL_FEATURES))
    assert to_text(parse(once, ALL_FEATURES)) == once


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("sum(x)by(b,a)", "sum by (b, a) (x)"),
        ("x{b='1',a=\"2\"}", 'x{a="2",b="1"}'),
        ("x offset 120m", "x offset 2h"),
        ("1e3", "1000"),
        ("x[60]", "x[1m]"),
        ("x @ 1.5", "x @ 1.500"),
        ("a*on()group_left b", "a * on () group_left () b"),
        ("0.0000001", "0.0000001"),
        ("5m", "5m"),
    ],
)
def test_the_printed_form_is_canonical(text: str, printed: str) -> None:
    """One way to write each thing."""
    assert to_text(parse(text)) == printed


def test_long_expressions_are_broken_at_operators_and_arguments() -> None:
    """Operands are indented under their operator."""
    tree = parse("sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m]))")
    assert pretty(tree, width=30) == (
        "  sum by (job) (\n    rate(errors_total[5m])\n  )\n/\n  sum by (job) (\n    rate(requests_total[5m])\n  )"
    )
