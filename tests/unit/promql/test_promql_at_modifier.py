"""`@` holds an expression to its time: it gives the same whenever it is evaluated."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.model.errors import UserError
from monitor.model.samples import Series
from monitor.model.times import MINUTE, Timestamp
from monitor.promql.engine import Query, ScalarValue, StringValue
from monitor.promql.parser import parse
from monitor.promql.printer import to_text
from tests.conformance.promqltest import pinned
from tests.support.queries import EVERYTHING
from tests.support.sources import MemorySource

_LINES = (
    'requests_total{job="a",code="200"} 0+7x30 3+2x30',
    'requests_total{job="a",code="500"} 1 1 2 _ 2 2x20 stale _ _ 0+1x30',
    'requests_total{job="b",code="200"} _x15 5+1.5x30',
    'temp{job="a"} 20 21.5 19 NaN 20x10 -3+0.25x40',
    'temp{job="b"} 1e300 -1e300 Inf 4 stale 5x40',
    'latency_bucket{job="a",le="0.5"} 0+1x60',
    'latency_bucket{job="a",le="1"} 0+2x60',
    'latency_bucket{job="a",le="+Inf"} 0+3x60',
)
_SPANS = st.sampled_from(["1m", "4m30s", "10m", "1h"])
_SELECTORS = st.sampled_from(
    [
        "requests_total",
        'requests_total{code="500"}',
        "temp",
        'temp{job!="a"}',
        "latency_bucket",
        "nothing",
        "temp offset 3m",
    ]
)
_OVER_TIME = st.sampled_from(
    [
        "rate", "increase", "irate", "delta", "deriv", "changes", "resets", "avg_over_time", "last_over_time", "max_over_time",
        "stddev_over_time", "absent_over_time", "present_over_time", "sum_over_time",
    ]
)  # fmt: skip


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "/", "> bool", "<", "and on (job)", "or", "unless"]), inner).map(
            " ".join
        ),
        inner.map(lambda one: f"sum by (job) ({one})"),
        inner.map(lambda one: f"topk(1, {one})"),
        inner.map(lambda one: f"quantile without (code) (0.4, {one})"),
        inner.map(lambda one: f"histogram_quantile(0.7, {one})"),
        inner.map(lambda one: f"absent({one})"),
        inner.map(lambda one: f"-abs({one})"),
        inner.map(lambda one: f"scalar({one}) + vector(1)"),
        st.tuples(_OVER_TIME, inner, _SPANS).map(lambda parts: f"{parts[0]}(({parts[1]})[{parts[2]}:45s])"),
        inner.map(lambda one: f'label_replace({one}, "job", "x", "code", "5.*")'),
    )


_EXPRESSIONS = st.recursive(
    st.one_of(_SELECTORS, st.tuples(_OVER_TIME, _SELECTORS.filter(lambda one: "offset" not in one), _SPANS).map(
        lambda parts: f"{parts[0]}({parts[1]}[{parts[2]}])"
    )),
    lambda inner: _wider(inner.map(lambda one: f"({one})")),
    max_leaves=4,
)  # fmt: skip
_TIMES = st.integers(-5 * MINUTE, 70 * MINUTE)


def _outcome(query: Query, source: MemorySource, at: Timestamp) -> object:
    """Values by series, the error's text if there is one; times apart."""
    try:
        value = query.instant(source, at).value
    except UserError as error:
        return str(error)
    if isinstance(value, ScalarValue | StringValue):
        return repr(value.value)
    return {one.labels: repr(one.value) for one in value if not isinstance(one, Series)}


def _steps(query: Query, source: MemorySource, start: Timestamp) -> object:
    """The values of each step of a range query, by series; they must all be there and alike."""
    try:
        value = query.range(source, start, start + 4 * MINUTE, MINUTE).value
    except UserError as error:
        return str(error)
    assert not isinstance(value, ScalarValue | StringValue)
    found = {one.labels: [repr(number) for _, number in one.points] for one in value if isinstance(one, Series)}
    assert all(len(values) == 5 and len(set(values)) == 1 for values in found.values())
    return {labels: values[0] for labels, values in found.items()}


@given(_EXPRESSIONS, _TIMES, st.lists(_TIMES, min_size=2, max_size=3), st.booleans())
def test_a_pinned_expression_is_the_same_at_all_times(
    text: str, at: Timestamp, others: list[Timestamp], gappy: bool
) -> None:
    """With `@ t` on each selector and subquery it gives at any time, and at every step of a range, what the expression
    without `@` gives at t."""
    source = MemorySource.of_lines(MINUTE, _LINES, gappy=gappy)
    tree = parse(text)
    held = Query(to_text(pinned(tree, at)), EVERYTHING)
    expected = _outcome(Query(text, EVERYTHING), source, at)
    for other in (at, *others):
        assert _outcome(held, source, other) == expected
    assert _steps(held, source, others[0]) == expected
