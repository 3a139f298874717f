"""Start timestamps come from what OpenMetrics calls `_created`, as it lies in the store."""

from __future__ import annotations

import io

import pytest

from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import STALE, Sample
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
