"""Aggregations and operators between vectors."""

from __future__ import annotations

import math

import pytest

from monitor.model.errors import EvaluationError
from tests.support.queries import answer, ask, ask_range

_REQUESTS = [
    'r{job="a", i="0"} 1',
    'r{job="a", i="1"} 3',
    'r{job="b", i="0"} 10',
    'r{job="b", i="1"} 30',
    'r{job="b", i="2"} 50',
]


@pytest.mark.parametrize(
    ("op", "a", "b"),
    [
        ("sum", 4, 90),
        ("avg", 2, 30),
        ("min", 1, 10),
        ("max", 3, 50),
        ("count", 2, 3),
        ("group", 1, 1),
        ("stddev", 1, 16.329931619),
        ("stdvar", 1, 266.666666667),
    ],
)
@pytest.mark.parametrize("grouping", ["by (job)", "without (i)"])
def test_groups_are_reduced(op: str, a: float, b: float, grouping: str) -> None:
    """By naming labels or by leaving labels out."""
    assert ask(f"{op} {grouping} (r)", _REQUESTS, "0s") == {'{job="a"}': a, '{job="b"}': b}


def test_series_that_are_absent_do_not_count() -> None:
    """A filter makes groups smaller and removes them when nothing is left."""
    assert ask("sum by (job) (r > 3)", _REQUESTS, "0s") == {'{job="b"}': 90}
    assert ask("count(r > 3)", _REQUESTS, "0s") == {"{}": 3}
    assert ask("sum(r > 1000)", _REQUESTS, "0s") == {}


def test_groups_follow_the_presence_at_each_step() -> None:
    """In a range query each step has its own members."""
    lines = ['x{a="1"} 1 stale 3', 'x{a="2"} _ 5 5']
    assert ask_range("sum(x)", lines, "0m", "2m", "1m") == {"{}": [1, 5, 8]}
    assert ask_range("quantile(0.5, x)", lines, "0m", "2m", "1m") == {"{}": [1, 5, 4]}


def test_nan_takes_part_as_prometheus_has_it() -> None:
    """min and max pass it over, sum keeps it, quantile takes it for smallest."""
    lines = ['x{a="1"} NaN', 'x{a="2"} 4', 'x{a="3"} 6']
    assert ask("max(x)", lines, "0s") == {"{}": 6}
    assert ask("min(x)", lines, "0s") == {"{}": 4}
    assert ask("sum(x)", lines, "0s") == {"{}": pytest.approx(math.nan, nan_ok=True)}
    assert ask("quantile(0.5, x)", lines, "0s") == {"{}": 4}
    assert list(ask_names("topk(2, x)", lines)) == ["3", "2"]
    assert list(ask_names("bottomk(3, x)", lines)) == ["2", "3", "1"]


def ask_names(text: str, lines: list[str]) -> list[str]:
    """The values of label a, in the answer's order."""
    value = answer(text, lines, at="0s").value
    assert isinstance(value, tuple)
    return [one.labels["a"] for one in value]


def test_topk_keeps_whole_series_by_group() -> None:
    """Names stay; k is cut to a whole number; k below one is nothing."""
    assert ask("topk by (job) (1, r)", _REQUESTS, "0s") == {'r{i="1", job="a"}': 3, 'r{i="2", job="b"}': 50}
    assert ask("topk(1.9, r)", _REQUESTS, "0s") == {'r{i="2", job="b"}': 50}
    assert ask("topk(0, r)", _REQUESTS, "0s") == {}
    with pytest.raises(EvaluationError, match="NaN"):
        ask("topk(NaN, r)", _REQUESTS, "0s")
    with pytest.raises(EvaluationError, match="overflows int64"):
        ask("topk(1e30, r)", _REQUESTS, "0s")


def test_count_values_labels_with_plain_numbers() -> None:
    """Never in exponent form; the label replaces one of that name."""
    lines = ['x{a="1"} 1e21', 'x{a="2"} 1e21', 'x{a="3"} 0.5']
    assert ask("count_values('a', x)", lines, "0s") == {'{a="1000000000000000000000"}': 2, '{a="0.5"}': 1}


def test_limits_choose_and_complement() -> None:
    """limitk takes k of each group; a ratio and its complement share all series out."""
    assert len(_keys("limitk by (job) (1, r)")) == 2
    some, rest = _keys("limit_ratio(0.4, r)"), _keys("limit_ratio(-0.6, r)")
    assert not some & rest
    assert len(some | rest) == len(_REQUESTS)
    capped = answer("limit_ratio(1.5, r)", _REQUESTS, at="0s")
    assert "capping to 1" in capped.warnings[0]


def _keys(text: str) -> set[str]:
    found = ask(text, _REQUESTS, "0s")
    assert isinstance(found, dict)
    return set(found)


_ERRORS = ['errors{job="a", code="500"} 4', 'errors{job="a", code="404"} 6', 'errors{job="c", code="500"} 1']
_TOTALS = ['totals{job="a", team="x"} 20', 'totals{job="b", team="y"} 40']


def test_one_to_one_matches_by_all_labels_but_the_name() -> None:
    """Results keep the matching labels and lose the name."""
    lines = ['a{x="1"} 6', 'a{x="2"} 8', 'b{x="1"} 3', 'b{x="3"} 3']
    assert ask("a / b", lines, "0s") == {'{x="1"}': 2}
    assert ask("a > b", lines, "0s") == {'a{x="1"}': 6}
    assert ask("a < bool b", lines, "0s") == {'{x="1"}': 0}


def test_group_left_copies_labels_and_deletes_absent_ones() -> None:
    """The many side's labels, with those of the one side that are named."""
    found = ask("errors / on (job) group_left (team) totals", _ERRORS + _TOTALS, "0s")
    assert found == {'{code="500", job="a", team="x"}': 0.2, '{code="404", job="a", team="x"}': 0.3}
    with pytest.raises(EvaluationError, match="grouping labels must ensure unique matches"):
        ask("totals * on (job) group_right (code) errors", _ERRORS + _TOTALS, "0s")


def test_matching_must_be_unique() -> None:
    """Each way of not being so has its own words."""
    lines = _ERRORS + _TOTALS
    with pytest.raises(EvaluationError, match="many-to-one matching must be explicit"):
        ask("errors / on (job) totals", lines, "0s")
    with pytest.raises(EvaluationError, match=r"found duplicate series for the match group .*on the right hand-side"):
        ask("totals / on (job) errors", lines, "0s")
    with pytest.raises(EvaluationError, match="duplicate series"):
        ask("totals > on (nothing) group_left () errors", lines, "0s")
    assert ask("errors{code='500'} / on (job) totals", lines, "0s") == {'{job="a"}': 0.2}


def test_series_that_match_twice_are_told_with_their_quotes() -> None:
    """Values with quotes in them, and names that are none of old."""
    lines = ['m{b="1"} 1', 'n{b="1", c="q\\"q"} 1', 'n{b="1", "d.e"="x"} 1']
    with pytest.raises(EvaluationError) as caught:
        ask("m / on (b) n", lines, "0s", gappy=True)
    pair = ('{__name__="n", b="1", "d.e"="x"}', '{__name__="n", b="1", c="q\\"q"}')
    said = str(caught.value)
    assert f"[{pair[0]}, {pair[1]}]" in said or f"[{pair[1]}, {pair[0]}]" in said


def test_set_operators_compare_signatures_only() -> None:
    """Values and names of the left side stay."""
    lines = _ERRORS + _TOTALS
    assert ask("totals and on (job) errors", lines, "0s") == {'totals{job="a", team="x"}': 20}
    assert ask("totals unless on (job) errors", lines, "0s") == {'totals{job="b", team="y"}': 40}
    assert ask("count(totals or on (job) errors)", lines, "0s") == {"{}": 3}


def test_set_operators_decide_step_by_step() -> None:
    """`or` fills in the right side only where the left is gone."""
    lines = ["a 1 stale 3", "b 7 8 9"]
    assert ask_range("a or b", lines, "0m", "2m", "1m") == {"a": [1, 3], "b": [8]}
    assert ask_range("b unless a", lines, "0m", "2m", "1m") == {"b": [8]}


def test_scalars_compare_from_either_side() -> None:
    """The vector's value is what remains."""
    assert ask("3 < r{job='b'}", _REQUESTS, "0s") == ask("r{job='b'} > 3", _REQUESTS, "0s")
    assert ask("r{i='1'} == bool 3", _REQUESTS, "0s") == {'{i="1", job="a"}': 1, '{i="1", job="b"}': 0}


def test_fill_pairs_the_unmatched_with_a_number() -> None:
    """On one side or on both."""
    lines = ['a{x="1"} 6', 'a{x="2"} 8', 'b{x="1"} 3', 'b{x="3"} 5']
    assert ask("a + fill_right(0) b", lines, "0s") == {'{x="1"}': 9, '{x="2"}': 8}
    assert ask("a + fill_left(1) b", lines, "0s") == {'{x="1"}': 9, '{x="3"}': 6}
    assert ask("a + fill(0) b", lines, "0s") == {'{x="1"}': 9, '{x="2"}': 8, '{x="3"}': 5}


def test_losing_names_must_not_make_series_equal() -> None:
    """Two metrics with the same labels collide when their names go."""
    with pytest.raises(EvaluationError, match="same labelset"):
        ask("-{__name__=~'a|b'}", ["a 1", "b 2"], "0s")


def test_series_that_take_turns_are_put_together() -> None:
    """In a range query equal series that never overlap are one series if they were made step by step. Range functions and
    signs, which work series by series, refuse them."""
    lines = ["a 1 stale", "b _ 2"]
    assert ask_range("abs({__name__=~'a|b'})", lines, "0m", "1m", "1m") == {"{}": [1, 2]}
    for text in ("-{__name__=~'a|b'}", "sum_over_time({__name__=~'a|b'}[1m])"):
        with pytest.raises(EvaluationError, match="same labelset"):
            ask_range(text, lines, "0m", "1m", "1m")
