"""Queries as a whole: limits, refusals, inspection, delayed names, counters with known resets."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.columns.frame import MatrixFrame, Resets
from monitor.model.errors import EvaluationError, QueryError, QueryLimitError
from monitor.model.labels import Labels
from monitor.model.samples import Sample, Series
from monitor.promql.check import check_supported
from monitor.promql.engine import Options, Query, ScalarValue, StringValue
from monitor.promql.features import ALL_FEATURES
from monitor.promql.inspect import selectors
from monitor.promql.parser import parse
from tests.support.queries import EVERYTHING
from tests.support.sources import MemorySource

_LINES = [
    'x_total{a="1"} 0+3x20',
    'x_total{a="2"} 0+5x8 2+5x11',
    "y 4 NaN stale 5 _ 6 -1x9",
    'x_total{a="3"} _x3 7+1x6',
]


@pytest.mark.parametrize(
    "text",
    [
        "histogram_count(x)",
        "x </ 5",
        "sum(histogram_avg(rate(x[5m])))",
    ],
)
def test_what_is_not_evaluated_is_refused_with_its_place(text: str) -> None:
    """Before any evaluation, so that a rule file can be refused."""
    tree = parse(text, ALL_FEATURES)
    with pytest.raises(QueryError, match="not supported") as caught:
        check_supported(tree, ALL_FEATURES)
    assert caught.value.end > caught.value.start or caught.value.start == 0
    with pytest.raises(QueryError):
        Query(text, EVERYTHING)


def test_answers_have_the_type_of_the_expression() -> None:
    """Scalar, string, vector, series."""
    source = MemorySource.of_lines(60_000, ["x 1 2"])
    assert Query("1 + 1").instant(source, 5).value == ScalarValue(5, 2.0)
    assert Query("'text'").instant(source, 5).value == StringValue(5, "text")
    assert Query("x").instant(source, 60_000).value == (Sample(Labels({"__name__": "x"}), 60_000, 2.0),)
    assert Query("x").range(source, 0, 60_000, 60_000).value == (
        Series(Labels({"__name__": "x"}), ((0, 1.0), (60_000, 2.0))),
    )
    assert Query("time()").range(source, 0, 2_000, 1_000).value == (
        Series(Labels(), ((0, 0.0), (1_000, 1.0), (2_000, 2.0))),
    )


def test_range_queries_need_a_scalar_or_vector() -> None:
    """A range vector has no range, nor has a string."""
    source = MemorySource.of_lines(60_000, ["x 1 2"])
    with pytest.raises(QueryError, match='invalid expression type "range vector"'):
        Query("x[5m]").range(source, 0, 1, 1)
    with pytest.raises(QueryError, match="zero or negative"):
        Query("x").range(source, 0, 1, 0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("count_over_time(nothing[step()])", "24:30: duration must be greater than 0"),
        ("count_over_time(x[5m - range() - 10m])", "18:36: duration must be greater than 0"),
        ("count_over_time(x[1m:step() * 2])", "21:31: duration must be greater than 0"),
        ("x offset (1 / step())", "10:20: division by zero"),
        ("x offset (1m + 1 % range())", "15:26: modulo by zero"),
        ("x offset -(2 ^ 5000)", "11:19: duration is out of range"),
    ],
)
def test_a_duration_that_is_impossible_in_this_query_is_told_with_its_place(text: str, problem: str) -> None:
    """It is the query's fault, whatever the data: Prometheus refuses it before it evaluates anything."""
    with pytest.raises(QueryError) as caught:
        Query(text, EVERYTHING).instant(MemorySource(), 0)
    assert caught.value.message == problem


def test_limits_end_a_query() -> None:
    """Points, samples, and whatever the caller's check says."""
    source = MemorySource.of_lines(1_000, ["x 1x100", "z 1x100"])
    with pytest.raises(QueryLimitError, match="11,000 points"):
        Query("x").range(source, 0, 11_001, 1)
    with pytest.raises(QueryLimitError, match="too many samples"):
        Query("sum_over_time(x[1m])", Options(max_samples=50)).instant(source, 100_000)

    def late() -> None:
        raise QueryLimitError("query timed out in expression evaluation")

    with pytest.raises(QueryLimitError, match="timed out"):
        Query("sum(x)").instant(source, 0, late)


@pytest.mark.parametrize(
    "text",
    [
        "x[106751d:1ms]",
        "sum_over_time(x[106751d:1ms])",
        "count_over_time(vector(1)[100y:1ms])",
        "last_over_time((x + z)[90d:1ms])",
        "max_over_time(rate(x[5m])[13h:1s])",
        "max_over_time(rate(x[5m] smoothed)[13h:1s])",
        "max_over_time(resets(x[5m])[13h:1s])",
        "max_over_time((x smoothed)[13h:1s])",
        "max_over_time(({__name__=~'x|z'})[7h:1s])",
    ],
)
def test_what_would_not_fit_is_refused_before_it_is_made(text: str) -> None:
    """The memory of a daemon is not a query's to take."""
    options = replace(EVERYTHING, start_timestamps=True)
    source = MemorySource.of_lines(1_000, ["x 1x100", "z 1x100"])
    tracemalloc.start()
    try:
        with pytest.raises(QueryLimitError, match="too many samples"):
            Query(text, replace(options, max_samples=40_000)).instant(source, 100_000)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_selectors_are_told() -> None:
    """In the order of writing."""
    tree = parse("rate(a[10m] offset 1h) + on () max_over_time(b[1d:]) or c")
    assert [node.name for node in selectors(tree)] == ["a", "b", "c"]


def test_names_go_at_once_or_at_the_end() -> None:
    """Delayed, label_replace may still read the name of what a function made."""
    source = MemorySource.of_lines(60_000, ["x_total 0+60x10"])
    text = "label_replace(rate(x_total[5m]), 'was', '$1', '__name__', '(.*)')"
    delayed = Query(text, Options(delayed_names=True)).instant(source, 600_000).value
    at_once = Query(text).instant(source, 600_000).value
    assert delayed == (Sample(Labels({"was": "x_total"}), 600_000, 1.0),)
    assert at_once == (Sample(Labels(), 600_000, 1.0),)


def test_failing_data_is_not_a_bad_query() -> None:
    """The same query succeeds on other data."""
    query = Query("a * on () b")
    bad = MemorySource.of_lines(1, ['a{x="1"} 1', 'a{x="2"} 1', "b 1"])
    with pytest.raises(EvaluationError):
        query.instant(bad, 0)
    assert query.instant(MemorySource.of_lines(1, ["a 2", "b 3"]), 0).value == (Sample(Labels(), 0, 6.0),)


_LAWFUL = [
    "x_total",
    "rate(x_total[5m])",
    "sum by (a) (x_total) / on () group_left () count(x_total)",
    "y or x_total",
    "x_total > 10",
    "topk(2, x_total)",
    "avg_over_time(y[4m])",
    "max_over_time(rate(x_total[3m])[6m:2m])",
    "quantile(0.3, x_total)",
    "x_total unless on () y",
    "stddev(x_total) + scalar(y)",
    "absent(y)",
    "changes(y[5m])",
    "timestamp(x_total)",
]


@given(st.sampled_from(_LAWFUL), st.integers(0, 1_500_000), st.integers(1_000, 200_000), st.integers(1, 6))
def test_each_step_of_a_range_query_is_an_instant_query(text: str, start: int, step: int, steps: int) -> None:
    """All steps at once give what each step gives alone."""
    source = MemorySource.of_lines(60_000, _LINES)
    query = Query(text)
    end = start + steps * step
    series = query.range(source, start, end, step).value
    assert isinstance(series, tuple)
    for at in range(start, end + 1, step):
        at_once = {
            one.labels: dict(one.points)[at] for one in series if isinstance(one, Series) and at in dict(one.points)
        }
        value = query.instant(source, at).value
        assert isinstance(value, tuple)
        alone = {one.labels: one.value for one in value if isinstance(one, Sample)}
        assert at_once == pytest.approx(alone, nan_ok=True)


@given(st.sampled_from(_LAWFUL), st.integers(0, 1_500_000))
def test_how_series_are_framed_does_not_matter(text: str, at: int) -> None:
    """Own frames or one frame with gaps: the same answer."""
    apart = Query(text).instant(MemorySource.of_lines(60_000, _LINES), at).value
    together = Query(text).instant(MemorySource.of_lines(60_000, _LINES, gappy=True), at).value
    assert isinstance(apart, tuple)
    assert isinstance(together, tuple)
    left = {one.labels: one.value for one in apart if isinstance(one, Sample)}
    right = {one.labels: one.value for one in together if isinstance(one, Sample)}
    assert left == pytest.approx(right, nan_ok=True)


class _FollowingFrame(MatrixFrame):
    """A frame that knows where its counters were reset, as the store's frames do."""

    def resets(self, low: int, high: int) -> Resets | None:
        matrix = self.matrix[:, low:high]
        slots, rows = np.nonzero((matrix[:, 1:] < matrix[:, :-1]).T)
        return Resets(slots + 1, rows, matrix[rows, slots])


class _Frames:
    def __init__(self, *frames: MatrixFrame) -> None:
        self._frames = frames

    def select(self, matchers: object, start: int, end: int) -> tuple[MatrixFrame, ...]:
        return self._frames

    def newest(self, matchers: object, oldest: int, at: int) -> None:
        """Only the frame knows."""


@given(
    st.lists(
        st.lists(st.one_of(st.integers(0, 50), st.sampled_from([np.inf, np.nan])), min_size=12, max_size=12),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["rate(c_total[3m])", "increase(c_total[7m] offset 1m)"]),
)
def test_known_resets_and_seen_resets_agree(rows: list[list[float]], text: str) -> None:
    """Two columns and the resets between them give the rate of the whole window."""
    labels = [Labels({"__name__": "c_total", "i": str(place)}) for place in range(len(rows))]
    times = np.arange(12, dtype=np.int64) * 60_000
    matrix = np.array(rows, dtype=np.float64)
    query = Query(text)
    seen = query.range(_Frames(MatrixFrame(labels, times, matrix)), 0, 660_000, 30_000).value
    assert isinstance(seen, tuple)
    for half in range(len(rows)):
        parts = [
            kind(labels[part], times, matrix[part])
            for kind, part in (
                (_FollowingFrame, slice(0, half)),
                (_FollowingFrame, slice(half, len(rows) - 1)),
                (MatrixFrame, slice(len(rows) - 1, None)),
            )
            if labels[part]
        ]
        known = query.range(_Frames(*parts), 0, 660_000, 30_000).value
        assert isinstance(known, tuple)
        for left, right in zip(known, seen, strict=True):
            assert isinstance(left, Series)
            assert isinstance(right, Series)
            assert dict(left.points) == pytest.approx(dict(right.points), nan_ok=True)
        for at in range(0, 660_001, 90_000):
            alone = query.instant(_Frames(*parts), at).value
            assert isinstance(alone, tuple)
            values = {one.labels: one.value for one in alone if isinstance(one, Sample)}
            steps = {
                one.labels: dict(one.points)[at] for one in seen if isinstance(one, Series) and at in dict(one.points)
            }
            assert values == pytest.approx(steps, nan_ok=True)


@pytest.mark.parametrize(
    "text", [" + ".join(["x"] * 199), "abs(" * 98 + "x" + ")" * 98, "max_over_time(" * 66 + "x" + "[1m:1m])" * 66]
)
def test_the_deepest_allowed_expression_is_evaluated(text: str) -> None:
    """What the check lets pass does not exhaust the stack."""
    source = MemorySource.of_lines(60_000, ["x 1x200"])
    value = Query(text).instant(source, 6_000_000).value
    assert isinstance(value, tuple)
    assert len(value) == 1


def test_longer_chains_are_refused_before_they_are_evaluated() -> None:
    """They can be read and printed, no more."""
    with pytest.raises(QueryError, match="levels deep"):
        Query(" + ".join(["x"] * 201))
