"""Writing rows and loose samples."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.columns.nans import MISSING_VALUE
from monitor.model.samples import STALE
from monitor.model.times import HOUR
from monitor.tsdb.store import SampleStore
from tests.support.samples import everything, metric, points

A, B, C = metric("a", job="x"), metric("b", job="x"), metric("c", job="x")
MISSING = float(MISSING_VALUE[0])


def a_store() -> SampleStore:
    return SampleStore.in_memory(HOUR)


def test_a_row_is_read_back_as_one_sample_per_series() -> None:
    """What is appended is what is selected, from lists and arrays."""
    store = a_store()
    writer = store.open([A, B])
    writer.append(1000, [1.0, 2.0])
    writer.append(2000, np.array([3.0, 4.0]))
    assert everything(store.view()) == {A: points([(1000, 1.0), (2000, 3.0)]), B: points([(1000, 2.0), (2000, 4.0)])}


def test_rows_beyond_one_chunk_stay_in_order() -> None:
    """A long history comes back whole."""
    store = a_store()
    writer = store.open([A])
    for at in range(1, 1001):
        writer.append(at, [float(at)])
    assert everything(store.view()) == {A: points([(at, float(at)) for at in range(1, 1001)])}


def test_a_late_row_is_dropped_and_counted() -> None:
    """Not later than the last one means dropped, as in Prometheus; a missing sample is none to be counted."""
    store = a_store()
    writer = store.open([A, B])
    writer.append(2000, [1.0, 1.0])
    writer.append(1000, [3.0, 3.0])
    writer.append(1500, [3.0, MISSING])
    assert everything(store.view())[A] == points([(2000, 1.0)])
    health = store.health()
    assert (health.dropped_samples, health.duplicate_samples, health.late_until) == (3, 0, 2000)


@pytest.mark.parametrize("packed", [False, True], ids=["new", "packed"])
def test_a_repeated_row_is_no_mistake_and_another_value_is_a_duplicate(packed: bool) -> None:
    """A sample that is there already is not counted; nothing of it counts as late, but a series that had none at the time."""
    store = a_store()
    writer = store.open([A, B, C])
    for at in range(-63, 0):
        writer.append(2000 + at, [0.0, 0.0, 0.0])
    writer.append(2000, [1.0, float("nan"), MISSING])
    while packed and store.pack(HOUR):
        pass
    for row, dropped, duplicates in (
        ([1.0, float("nan"), MISSING], 0, 0),
        ([1.5, float("nan"), MISSING], 0, 1),
        ([MISSING, 3.0, MISSING], 0, 2),
        ([1.0, STALE, 4.0], 1, 2),
    ):
        writer.append(2000, row)
        health = store.health()
        assert (health.dropped_samples, health.duplicate_samples) == (dropped, duplicates)
        assert health.late_until is None
    assert everything(store.view())[A][-1:] == points([(2000, 1.0)])
    assert [at for at, _ in everything(store.view())[C]][-1] == 1999


def test_a_row_of_the_wrong_width_is_refused() -> None:
    """A writer that does not know its own series is a mistake to hear about, and nothing is stored."""
    store = a_store()
    writer = store.open([A, B])
    for row in ([1.0], [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match="2"):
            writer.append(1000, row)
    assert everything(store.view()) == {}
    assert store.view().select([], 0, 9999) == []


def test_equal_label_sets_in_one_frame_are_refused() -> None:
    """One frame has each series once."""
    with pytest.raises(ValueError, match="twice"):
        a_store().open([A, B, A])


def test_missing_is_no_sample_and_stale_is_one() -> None:
    """The three NaNs keep their bits."""
    store = a_store()
    writer = store.open([A, B, C])
    writer.append(1000, [MISSING, STALE, float("nan")])
    assert everything(store.view()) == {B: points([(1000, STALE)]), C: points([(1000, float("nan"))])}


def test_replaced_series_keep_their_history_and_returning_ones_are_the_same() -> None:
    """A series set that changes back and forth loses nothing."""
    store = a_store()
    writer = store.open([A, B])
    writer.append(1000, [1.0, 2.0])
    writer.append(2000, [1.0, STALE])
    writer.replace([C, A])
    writer.append(3000, [5.0, 6.0])
    writer.replace([A, B, C])
    writer.append(4000, [7.0, 8.0, 9.0])
    assert everything(store.view()) == {
        A: points([(1000, 1.0), (2000, 1.0), (3000, 6.0), (4000, 7.0)]),
        B: points([(1000, 2.0), (2000, STALE), (4000, 8.0)]),
        C: points([(3000, 5.0), (4000, 9.0)]),
    }
    assert store.stats().frames == 1


def test_closing_with_a_time_ends_every_series() -> None:
    """The stale marker is written at that time, once, and nothing after it."""
    store = a_store()
    writer = store.open([A, B])
    writer.append(1000, [1.0, 2.0])
    writer.close(2000)
    writer.close(3000)
    writer.append(4000, [1.0, 2.0])
    assert everything(store.view()) == {
        A: points([(1000, 1.0), (2000, STALE)]),
        B: points([(1000, 2.0), (2000, STALE)]),
    }


def test_a_frame_that_is_opened_again_goes_on() -> None:
    """Same series, same frame: no merging is needed when it is read."""
    store = a_store()
    first = store.open([A, B])
    first.append(1000, [1.0, 2.0])
    first.close(None)
    store.open([B, A]).append(2000, [3.0, 4.0])
    assert everything(store.view()) == {A: points([(1000, 1.0), (2000, 4.0)]), B: points([(1000, 2.0), (2000, 3.0)])}
    assert store.stats().frames == 1


def test_a_series_in_two_frames_is_answered_once_with_both_histories() -> None:
    """A target that changes hands while its old frame is still open."""
    store = a_store()
    first, second = store.open([A, B]), store.open([C, B])
    first.append(1000, [1.0, 2.0])
    second.append(1500, [3.0, 4.0])
    first.append(2000, [5.0, 6.0])
    second.append(2000, [7.0, 8.0])
    assert everything(store.view()) == {
        A: points([(1000, 1.0), (2000, 5.0)]),
        B: points([(1000, 2.0), (1500, 4.0), (2000, 6.0)]),
        C: points([(1500, 3.0), (2000, 7.0)]),
    }


def test_loose_samples_come_and_go() -> None:
    """Series that appear, pause, end and return are each read back as written."""
    store = a_store()
    store.append(1000, [(A, 1.0), (B, 1.0)])
    store.append(2000, [(B, 2.0), (C, 2.0)])
    store.append(3000, [(B, STALE), (A, 3.0)])
    store.append(4000, [(B, 4.0), (C, 4.0)])
    assert everything(store.view()) == {
        A: points([(1000, 1.0), (3000, 3.0)]),
        B: points([(1000, 1.0), (2000, 2.0), (3000, STALE), (4000, 4.0)]),
        C: points([(2000, 2.0), (4000, 4.0)]),
    }


def test_loose_samples_of_one_frame_may_have_times_of_their_own() -> None:
    """Being late is a matter of the series, not of those it happened to come with."""
    store = a_store()
    store.append(1000, [(A, 1.0), (B, 1.0)])
    store.append(3000, [(A, 3.0)])
    store.append(2000, [(B, 2.0)])
    store.append(2500, [(A, 9.0), (B, 2.5)])
    store.append(3000, [(B, 3.0)])
    assert everything(store.view()) == {
        A: points([(1000, 1.0), (3000, 3.0)]),
        B: points([(1000, 1.0), (2000, 2.0), (2500, 2.5), (3000, 3.0)]),
    }
    assert store.health().dropped_samples == 1


def test_late_and_repeated_loose_samples_are_dropped_and_counted() -> None:
    """The first sample of a series for a time stays."""
    store = a_store()
    store.append(2000, [(A, 1.0), (A, 2.0)])
    store.append(2000, [(A, 3.0)])
    store.append(3000, [(A, 4.0), (A, 5.0)])
    store.append(1000, [(A, 6.0)])
    assert everything(store.view()) == {A: points([(2000, 1.0), (3000, 4.0)])}
    assert (store.health().dropped_samples, store.health().duplicate_samples) == (3, 1)


def test_loose_samples_of_a_series_that_a_writer_has_are_merged() -> None:
    """A sample with its own time beside rows of the same series."""
    store = a_store()
    writer = store.open([A])
    writer.append(1000, [1.0])
    store.append(1500, [(A, 1.5)])
    writer.append(2000, [2.0])
    assert everything(store.view()) == {A: points([(1000, 1.0), (1500, 1.5), (2000, 2.0)])}


def test_the_same_sample_again_is_no_news_and_another_value_is_a_duplicate() -> None:
    """As in Prometheus: same time and value are passed over in silence; another value for that time is refused and counted."""
    store = SampleStore.in_memory(HOUR)
    store.append(1000, [(metric("a"), 1.0), (metric("b"), float("nan"))])
    store.append(1000, [(metric("a"), 1.0), (metric("b"), float("nan"))])
    assert (store.health().dropped_samples, store.health().duplicate_samples) == (0, 0)
    store.append(1000, [(metric("a"), 2.0)])
    store.append(999, [(metric("a"), 1.0)])
    assert (store.health().dropped_samples, store.health().duplicate_samples) == (1, 1)
    assert everything(store.view())[metric("a")] == points([(1000, 1.0)])


def test_of_two_writers_at_one_time_the_first_one_counts() -> None:
    """As in Prometheus: another value for the same time is a duplicate, the same one no news; the rest of the row is taken."""
    store = a_store()
    one, two = store.open([A, B]), store.open([B, C])
    one.append(1000, [1.0, 2.0])
    two.append(1000, [2.5, 3.0])
    two.append(2000, [4.0, 4.0])
    one.append(2000, [5.0, 4.0])
    assert (store.health().duplicate_samples, store.health().dropped_samples) == (1, 0)
    assert everything(store.view()) == {
        A: points([(1000, 1.0), (2000, 5.0)]),
        B: points([(1000, 2.0), (2000, 4.0)]),
        C: points([(1000, 3.0), (2000, 4.0)]),
    }


def test_a_writer_that_comes_to_what_another_had_finds_the_first_value_there() -> None:
    """Whichever of them is ahead; what was in a chunk that is packed by now included."""
    store = a_store()
    one = store.open([A, B])
    for at in range(1, 130):
        one.append(at * 1000, [float(at), float(at)])
    while store.pack(HOUR):
        pass
    two = store.open([B, C])
    two.append(5000, [5.5, 1.0])
    two.append(5500, [5.5, 1.0])
    two.append(6000, [6.0, 1.0])
    assert store.health().duplicate_samples == 1
    assert everything(store.view())[B][4:7] == points([(5000, 5.0), (5500, 5.5), (6000, 6.0)])


def test_the_end_of_a_series_that_another_writer_has_is_no_mistake() -> None:
    """A target that went over to another job: the old one's end does not count, nor end what the new one wrote."""
    store = a_store()
    one, two = store.open([A, B]), store.open([A])
    one.append(1000, [1.0, 1.0])
    two.append(2000, [2.0])
    one.close(2000)
    assert (store.health().duplicate_samples, store.health().dropped_samples) == (0, 0)
    assert everything(store.view())[A] == points([(1000, 1.0), (2000, 2.0)])
    assert everything(store.view())[B][-1][0] == 2000
