"""What is newest of each series."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.columns.nans import MISSING_VALUE, missing
from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import HOUR, MINUTE, Timestamp
from monitor.tsdb.store import SampleStore
from monitor.tsdb.view import View
from tests.support.samples import bits, equal, history, metric

MISSING = float(MISSING_VALUE[0])
EVERY = [Matcher("__name__", MatchOp.NOT_EQUAL, "")]

values = st.sampled_from([0.0, 1.0, -2.5, float("nan"), STALE, MISSING])
rows = st.tuples(st.integers(0, 3), st.integers(0, 40), st.lists(values, min_size=3, max_size=3))


def by_frames(view: View, oldest: Timestamp, at: Timestamp) -> dict[Labels, tuple[Timestamp, int]]:
    """The newest samples as the frames tell them."""
    found = history(view.select(EVERY, oldest + 1, at))
    inside = {labels: [point for point in own if oldest < point[0] <= at] for labels, own in found.items()}
    return {labels: own[-1] for labels, own in inside.items() if own}


def by_table(view: View, oldest: Timestamp, at: Timestamp) -> dict[Labels, tuple[Timestamp, int]]:
    """The newest samples as `newest` tells them."""
    newest = view.newest(EVERY, oldest, at)
    assert newest is not None
    assert len(set(newest.labels)) == len(newest.labels)
    return {
        labels: (int(time), bits(float(value)))
        for labels, value, time in zip(newest.labels, newest.values, newest.times, strict=True)
        if time > oldest
    }


@settings(max_examples=100)
@given(st.lists(rows, max_size=12), st.lists(st.integers(0, 45), min_size=1, max_size=3), st.integers(1, 50))
def test_the_table_and_the_frames_agree(
    written: list[tuple[int, int, list[float]]], asked: list[int], span: int
) -> None:
    """With gaps, ends, late rows, loose samples and series that live in two frames, at any instant."""
    store = SampleStore.in_memory(HOUR)
    names = [[metric(name, n=str(n)) for n in range(3)] for name in "abc"]
    writers = [store.open(labels) for labels in names[:2]]
    for where, at, row in written:
        if where < 2:
            writers[where].append(at, row)
        elif where == 2:
            store.append(at, [pair for pair in zip(names[2], row, strict=True) if bits(pair[1]) != bits(MISSING)])
        else:  # a series of the first frame moves to the loose ones and comes back with its next row
            store.append(at, [(names[0][0], row[0])] if bits(row[0]) != bits(MISSING) else [])
    view = store.view()
    for at in asked:
        assert by_table(view, at - span, at) == by_frames(view, at - span, at)


def test_an_older_view_does_not_answer_for_a_newer_row() -> None:
    """Whoever holds it reads its frames instead."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([metric("a")])
    writer.append(1000, [1.0])
    view = store.view()
    assert by_table(view, 0, 5000) == {metric("a"): (1000, bits(1.0))}
    writer.append(2000, [2.0])
    assert view.newest(EVERY, 0, 5000) is None
    assert by_frames(view, 0, 5000) == {metric("a"): (1000, bits(1.0))}


def test_a_freed_number_tells_nothing_of_the_series_that_had_it() -> None:
    """A series that takes it over has no sample until it gets one."""
    store = SampleStore.in_memory(MINUTE)
    store.append(1000, [(metric("a"), 1.0)])
    store.forget(HOUR)
    store.open([metric("b")])
    newest = store.view().newest(EVERY, -HOUR, HOUR)
    assert newest is not None
    assert not bool((newest.times > -HOUR).any())


def test_the_past_is_not_carried_along() -> None:
    """Where most series have ended the answer holds only those that have not, the same object each time."""
    store = SampleStore.in_memory(HOUR)
    for number in range(10):
        store.append(1000, [(metric("a", n=str(number)), 1.0)])
    store.append(50_000, [(metric("a", n="9"), 2.0)])
    first, second = (store.view().newest([equal("__name__", "a")], 40_000, 60_000) for _ in range(2))
    assert first is not None
    assert second is not None
    assert list(first.labels) == [metric("a", n="9")]
    assert first.labels is second.labels
    assert not bool(np.any(missing(first.values)))
