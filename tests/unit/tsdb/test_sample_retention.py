"""Forgetting: by age, without leaks."""

from __future__ import annotations

import gc
from pathlib import Path

from monitor.model.samples import STALE
from monitor.model.times import HOUR, MINUTE, SECOND
from monitor.tsdb.store import SampleStore
from tests.support.samples import equal, everything, metric


def test_samples_older_than_the_retention_go_chunk_by_chunk() -> None:
    """What is younger stays whole; what is older goes with its chunk."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([metric("a")])
    for minute in range(400):
        writer.append(minute * MINUTE, [float(minute)])
        store.forget(minute * MINUTE)
    kept = [at // MINUTE for at, _ in everything(store.view())[metric("a")]]
    assert kept == list(range(kept[0], 400))
    assert 399 - 60 - 64 <= kept[0] <= 399 - 60
    assert store.stats().samples == len(kept)


def test_an_open_series_outlives_its_samples() -> None:
    """A target that is silent for longer than the retention can go on writing."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([metric("a")])
    writer.append(0, [1.0])
    store.forget(10 * HOUR)
    assert everything(store.view()) == {}
    writer.append(10 * HOUR, [2.0])
    assert list(everything(store.view())) == [metric("a")]
    assert store.stats().series == 1


def test_churn_leaves_nothing_behind() -> None:
    """Series of rows, loose series and whole frames that come and go do not add up, in no part of the store."""
    store = SampleStore.in_memory(10 * MINUTE)
    constant = store.open([metric("up")])
    sizes: list[tuple[int, int, int, int]] = []
    for step in range(400):
        at = step * 30 * SECOND
        constant.append(at, [1.0])
        scraped = store.open([metric("pod", n=str(step), k=str(k)) for k in range(3)])
        scraped.append(at, [1.0] * 3)
        scraped.replace([metric("pod", n=str(step), k=str(k)) for k in range(2, 5)])
        scraped.append(at + 1, [1.0] * 3)
        scraped.replace([metric("announced", n=str(step))])
        scraped.close(at + 2)
        store.append(at, [(metric("ALERTS", n=str(step)), 1.0), (metric("ALERTS", n=str(step - 1)), STALE)])
        store.append(at, [(metric("recorded"), float(step))])
        store.view().select([equal("n", str(step))], 0, at)
        store.forget(at)
        stats = store.stats()
        sizes.append(
            (stats.series, stats.frames, stats.samples // 1000, len(store.view().label_values("n", [], 0, at + 9)))
        )
    late = sizes[200:]
    assert max(size[0] for size in late) < 400
    assert max(size[1] for size in late) < 150
    assert max(size[2] for size in late) <= 2
    assert len({size[0] for size in late[-64:]}) < 64
    gc.collect()
    assert len(store.unlogged) <= store.stats().frames


def test_loose_frames_shrink_when_their_series_stop() -> None:
    """A row that has only one live series left is not written a hundred wide for ever."""
    store = SampleStore.in_memory(HOUR)
    store.append(0, [(metric("r", n=str(n)), 1.0) for n in range(100)])
    for second in range(1, 1000):
        store.append(second * SECOND, [(metric("r", n="7"), 1.0)])
    assert store.stats().samples < 64 * 100 * 2 + 1000
    store.append(2000 * SECOND, [(metric("r", n="8"), 2.0)])
    assert len(everything(store.view())[metric("r", n="8")]) == 2
    assert len(everything(store.view())[metric("r", n="7")]) == 1000


def test_packing_is_sliced_and_keeps_every_bit() -> None:
    """A chunk wider than one slice is packed over several calls and reads the same."""
    store = SampleStore.in_memory(10 * HOUR)
    writer = store.open([metric("w", n=str(n)) for n in range(5000)])
    for slot in range(64):
        writer.append(slot * SECOND, [float(slot * n) / 7 for n in range(5000)])
    before, size = everything(store.view()), store.stats().memory_bytes
    calls = 1
    while store.pack(HOUR, cells=1):
        calls += 1
    assert calls >= 3
    assert everything(store.view()) == before
    assert store.stats().memory_bytes < size


def test_forgotten_series_do_not_come_back_at_a_restart(tmp_path: Path) -> None:
    """Rows beyond the retention are not replayed even if their segment is still there."""
    store, _ = SampleStore.recover(tmp_path, HOUR, 0)
    store.append(0, [(metric("old"), 1.0)])
    store.append(2 * HOUR, [(metric("new"), 1.0)])
    store.close(0)
    again, report = SampleStore.recover(tmp_path, HOUR, 2 * HOUR)
    assert list(everything(again.view())) == [metric("new")]
    assert (report.rows, report.series) == (1, 1)
