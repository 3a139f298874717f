"""The daemon's own metrics in its own store, as a scrape of itself would bring them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitor.app.own_metrics import OwnMetrics
from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import Labels
from monitor.model.samples import is_stale
from monitor.model.times import HOUR
from monitor.tsdb.store import SampleStore


def newest(store: SampleStore, name: str) -> dict[Labels, str]:
    """Each series' last sample as text."""
    frames = store.view().select([Matcher("__name__", MatchOp.EQUAL, name)], 0, HOUR)
    return {
        labels: "stale" if is_stale(float(row[-1])) else f"{row[-1]:g}"
        for frame in frames
        for labels, row in zip(frame.labels, frame.values(0, len(frame.times)), strict=True)
    }


def test_labels_that_a_scrape_sets_give_way() -> None:
    """Two jobs are two series, and `job` is the daemon's own."""
    registry = CollectorRegistry()
    scrapes = Counter("scrapes", "x", ["job", "result"], registry=registry)
    scrapes.labels("shop", "ok").inc()
    scrapes.labels("bank", "ok").inc(2)
    store = SampleStore.in_memory(HOUR)
    own = OwnMetrics(registry, store, "127.0.0.1:9797")
    for at in (1000, 2000):
        own.write(at)
    common = {"__name__": "scrapes_total", "job": "watchkeeper", "instance": "127.0.0.1:9797", "result": "ok"}
    assert newest(store, "scrapes_total") == {
        Labels({**common, "exported_job": "shop"}): "1",
        Labels({**common, "exported_job": "bank"}): "2",
    }


def test_series_come_and_go() -> None:
    """One that vanishes gets its stale marker, and the others go on."""
    registry = CollectorRegistry()
    channels = Gauge("channel_up", "x", ["receiver"], registry=registry)
    channels.labels("a").set(1)
    store = SampleStore.in_memory(HOUR)
    own = OwnMetrics(registry, store, "i")
    own.write(1000)
    channels.labels("b").set(0)
    own.write(2000)
    channels.remove("a")
    own.write(3000)
    shown = {dict(labels.pairs)["receiver"]: text for labels, text in newest(store, "channel_up").items()}
    assert shown == {"a": "stale", "b": "0"}
