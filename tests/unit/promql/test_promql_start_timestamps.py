"""Start timestamps come from what OpenMetrics calls `_created`, as it lies in the store."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.columns.nans import MISSING_VALUE
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import STALE, Sample, Series
from monitor.model.times import HOUR, MINUTE, Timestamp
from monitor.promql.engine import Options, Query
from monitor.promql.features import ALL_FEATURES
from monitor.promql.sharing import Shared, Sharing
from monitor.promql.starts import created
from monitor.scrape.exposition.dated import DatedSamples
from monitor.tsdb.store import SampleStore
from tests.support.samples import metric

_FOLLOWING = Options(features=ALL_FEATURES, start_timestamps=True)
_BEGIN = HOUR


def _values(text: str, store: SampleStore, at: Timestamp, options: Options = _FOLLOWING) -> dict[str, float]:
    view = store.view()
    answers = [
        Query(text, options).instant(view, at).value,
        Query(text, options).instant(view, at, shared=Sharing(Shared(at), view.state)).value,
    ]
    seen = [
        {str(one.labels): one.value for one in found if isinstance(one, Sample)}
        for found in answers
        if isinstance(found, tuple)
    ]
    assert seen[0] == seen[1], "with and without results that rules share"
    return seen[0]


@pytest.mark.parametrize(
    ("labels", "start"),
    [
        ({METRIC_NAME: "a_total", "x": "1"}, {METRIC_NAME: "a_created", "x": "1"}),
        ({METRIC_NAME: "a_bucket", "le": "1", "x": "1"}, {METRIC_NAME: "a_created", "x": "1"}),
        ({METRIC_NAME: "a_sum"}, {METRIC_NAME: "a_created"}),
        ({METRIC_NAME: "a_count"}, {METRIC_NAME: "a_created"}),
        ({METRIC_NAME: "a", "quantile": "0.5"}, {METRIC_NAME: "a_created"}),
        ({METRIC_NAME: "total"}, {METRIC_NAME: "total_created"}),
        ({"x": "1"}, {}),
    ],
    ids=["counter", "bucket", "sum", "count", "quantile", "no ending", "nameless"],
)
def test_each_kind_of_series_has_its_created_series(labels: dict[str, str], start: dict[str, str]) -> None:
    """By the names of OpenMetrics; one for all buckets and quantiles."""
    assert created(Labels(labels)) == Labels(start)


def _restarted() -> SampleStore:
    """A counter that restarts after two minutes and has passed its old value when it is seen again; others that say
    nothing, or whose start has ended."""
    store = SampleStore.in_memory(24 * HOUR)
    labels = [metric(name, job=job) for job in ("told", "ended", "silent") for name in ("hits_total", "hits_created")]
    writer = store.open(labels[:5])
    old, new = (_BEGIN - HOUR / 2) / 1000, (_BEGIN + 2.5 * MINUTE) / 1000
    for place, count in enumerate((10, 20, 30, 40, 50)):
        start = old if place < 3 else new
        ended = start if place < 3 else STALE
        writer.append(_BEGIN + place * MINUTE, [count, start, count, ended, count])
    return store


def test_a_restart_that_no_value_shows_is_known_by_the_created_series() -> None:
    """Only with the flag, and only where a start is told at the sample's own time."""
    store, at = _restarted(), _BEGIN + 4 * MINUTE
    told, ended, silent = ('{job="told"}', '{job="ended"}', '{job="silent"}')
    assert _values("increase(hits_total[4m1ms])", store, at) == pytest.approx(
        {told: 70, ended: 40, silent: 40}, rel=1e-4
    )
    assert _values("resets(hits_total[5m])", store, at) == {told: 1, ended: 0, silent: 0}
    assert _values("irate(hits_total[5m])", store, _BEGIN + 3 * MINUTE) == {
        told: 40 / 60,
        ended: 10 / 60,
        silent: 10 / 60,
    }
    assert _values("resets(hits_total[5m])", store, at, Options()) == {told: 0, ended: 0, silent: 0}
    assert _values("start_timestamp(hits_total)", store, at) == {
        told: (_BEGIN + 2.5 * MINUTE) / 1000,
        ended: 0,
        silent: 0,
    }


def test_starts_that_were_scraped_long_ago_are_read_from_what_is_kept_of_them() -> None:
    """The text of OpenMetrics as a target or a file has it."""
    text = b"""# TYPE jobs counter
jobs_total{q="a"} 5 60
jobs_created{q="a"} 30.5 60
# TYPE took histogram
took_bucket{le="1"} 2 60
took_bucket{le="+Inf"} 3 60
took_count 3 60
took_sum 4 60
took_created 45 60
# EOF
"""
    store = SampleStore.in_memory(HOUR)
    samples = DatedSamples(io.BytesIO(text), HOUR)
    for batch in samples:
        for one, at, value in zip(batch.series, batch.times, batch.values, strict=True):
            store.append(int(at), [(samples.labels[int(one)], float(value))])
    assert _values("increase(jobs_total[1m])", store, 80_000) == {'{q="a"}': 5}
    assert _values("increase(took_bucket[1m])", store, 80_000) == {'{le="1"}': 2, '{le="+Inf"}': 3}
    assert _values("increase(took_count[1m])", store, 80_000, Options()) == {}


def test_starts_count_among_the_samples_that_a_query_may_look_at() -> None:
    """They are read like others."""
    store = _restarted()
    plain = Query("resets(hits_total[5m])", Options()).instant(store.view(), _BEGIN + 4 * MINUTE)
    following = Query("resets(hits_total[5m])", _FOLLOWING).instant(store.view(), _BEGIN + 4 * MINUTE)
    assert following.samples == plain.samples * 5 // 3


_SAMPLE = st.tuples(st.integers(0, 9).map(float), st.one_of(st.none(), st.integers(-200, 10)))
"""A value, and how many seconds before the sample its counter began."""


def _plainly(samples: list[tuple[Timestamp, float, Timestamp | None]], low: Timestamp, high: Timestamp) -> float | None:
    """The increase of one window, written down as one would tell it."""
    window = [one for one in samples if low < one[0] <= high]
    if not window:
        return None
    (first, opening, start), last = window[0], window[-1][0]
    inside = start is not None and low < start < first
    if len(window) == 1 and not inside:
        return None
    gained = opening if inside else 0.0
    for (before, was, told), (at, value, start_now) in itertools.pairwise(window):
        restarted = start_now is not None and start_now < at and start_now >= before
        if restarted and start_now == before and told == start_now:
            restarted = False
        gained += value if restarted or value < was else value - was
    sampled = (last - (start if inside and start is not None else first)) / 1000
    if len(window) == 1:
        return gained
    apart = (last - first) / 1000 / (len(window) - 1)
    ends = [(first - low) / 1000, (high - last) / 1000]
    left, right = (apart / 2 if end >= 1.1 * apart else end for end in ends)
    if inside:
        left = 0.0
    elif gained > 0 and opening >= 0:
        left = min(left, sampled * (opening / gained))
    return gained * (sampled + left + right) / sampled


@settings(max_examples=60)
@given(st.lists(_SAMPLE, min_size=1, max_size=8), st.integers(30, 200), st.integers(0, 90))
def test_increases_are_what_one_would_reckon_by_hand(
    given_samples: list[tuple[float, int | None]], span: int, shift: int
) -> None:
    """At every step of a range and at each instant of its own, whatever the starts say."""
    store = SampleStore.in_memory(24 * HOUR)
    writer = store.open([metric("n_total"), metric("n_created")])
    samples: list[tuple[Timestamp, float, Timestamp | None]] = []
    for place, (value, back) in enumerate(given_samples):
        at = _BEGIN + place * MINUTE
        start = None if back is None else at - back * 1000
        samples.append((at, value, start))
        writer.append(at, [value, float(MISSING_VALUE[0]) if start is None else start / 1000])
    query = Query(f"increase(n_total[{span}s])", _FOLLOWING)
    steps = range(_BEGIN - MINUTE + shift * 1000, _BEGIN + 9 * MINUTE, 45_000)
    expected = {at: value for at in steps if (value := _plainly(samples, at - span * 1000, at)) is not None}
    whole = query.range(store.view(), steps[0], steps[-1], 45_000).value
    assert isinstance(whole, tuple)
    found = {at: value for one in whole if isinstance(one, Series) for at, value in one.points}
    assert found == pytest.approx(expected, rel=1e-9, nan_ok=True)
    for at in steps:
        alone = query.instant(store.view(), at).value
        assert isinstance(alone, tuple)
        values = [one.value for one in alone if isinstance(one, Sample)]
        assert values == pytest.approx([expected[at]] if at in expected else [], rel=1e-9, nan_ok=True)
