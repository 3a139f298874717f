"""Thousands of series are opened and changed in steps, between which anything may happen."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

from monitor.model.labels import Labels
from monitor.model.times import HOUR
from monitor.tsdb.log import Fsync
from monitor.tsdb.store import SampleStore
from tests.support.samples import everything, metric, points

R = TypeVar("R")
MANY = [metric("m", number=str(number)) for number in range(1_000)]
OTHERS = [metric("n", number=str(number)) for number in range(1_000)]


def through(steps: Generator[None, None, R]) -> R:
    """The result of all steps."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: R = end.value
            return result


def some(steps: Generator[None, None, object], count: int) -> None:
    """Only so many steps."""
    for _ in range(count):
        next(steps)


def names(store: SampleStore) -> set[str]:
    return {labels["__name__"] for labels in everything(store.view())}


def test_opening_in_steps_is_opening() -> None:
    """The same series, in the same order."""
    store = SampleStore.in_memory(HOUR)
    through(store.opening(MANY)).append(1, [float(number) for number in range(1_000)])
    assert everything(store.view()) == {labels: points([(1, float(at))]) for at, labels in enumerate(MANY)}


@pytest.mark.parametrize("steps", [1, 5, 7])
def test_opening_that_is_given_up_leaves_nothing(steps: int) -> None:
    """Neither series nor an empty frame; and the series can be opened by another."""
    store = SampleStore.in_memory(HOUR)
    opening = store.opening(MANY)
    some(opening, steps)
    opening.close()
    store.forget(1)
    assert (store.series, store.stats().frames) == (0, 0)
    store.open(MANY).append(1, [1.0] * 1_000)
    assert store.series == 1_000


def test_a_label_set_that_comes_twice_is_refused_in_steps_too() -> None:
    """Also when the two are far apart."""
    store = SampleStore.in_memory(HOUR)
    with pytest.raises(ValueError, match="twice"):
        through(store.opening([*MANY, MANY[0]]))
    store.forget(1)
    assert store.series == 0


def test_retention_between_two_steps_takes_nothing_that_is_coming() -> None:
    """Series of old that are just about to come back keep their numbers."""
    store = SampleStore.in_memory(HOUR)
    store.open(MANY).close(1)
    writer = store.open(OTHERS)
    writer.append(1, [1.0] * 1_000)
    writer.append(2, [2.0] * 1_000)
    replacing = writer.replacing(MANY)
    some(replacing, 3)
    store.forget(2 * HOUR)
    through(replacing)
    writer.append(2 * HOUR, [5.0] * 1_000)
    assert everything(store.view()) == {labels: points([(2 * HOUR, 5.0)]) for labels in MANY}


def test_rows_go_on_while_series_change() -> None:
    """Until the last step it is the old ones that a row is of."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open(OTHERS)
    replacing = writer.replacing(MANY)
    some(replacing, 2)
    writer.append(1, [1.0] * 1_000)
    through(replacing)
    writer.append(2, [2.0] * 1_000)
    assert {str(labels): [at for at, _ in there] for labels, there in everything(store.view()).items()} == {
        **{str(labels): [1] for labels in OTHERS},
        **{str(labels): [2] for labels in MANY},
    }


def test_a_writer_closed_between_two_steps_stays_with_what_it_had() -> None:
    """Nothing of what was to come is left, and whoever takes the series up gets the frame."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open(OTHERS)
    writer.append(1, [1.0] * 1_000)
    replacing = writer.replacing(MANY)
    some(replacing, 3)
    writer.close(2)
    assert store.series == 1_000
    store.open(OTHERS).append(3, [3.0] * 1_000)
    through(replacing)
    assert (store.series, store.stats().frames, names(store)) == (1_000, 1, {"n"})


def test_many_series_are_named_by_many_records_of_the_log(tmp_path: Path) -> None:
    """And come back from them."""
    store, _ = SampleStore.recover(tmp_path, HOUR, 0, fsync=Fsync.NEVER)
    series: list[Labels] = [metric("m", number=str(number)) for number in range(2_500)]
    store.open(series).append(1, [1.0] * 2_500)
    assert store.backlog >= 100 * 2_500
    store.flush(1)
    assert store.backlog == 0
    store.close(1)
    back, report = SampleStore.recover(tmp_path, HOUR, 2, fsync=Fsync.NEVER)
    assert (report.problems, report.series) == ((), 2_500)
    assert set(everything(back.view())) == set(series)


def test_forgetting_in_steps_is_forgetting() -> None:
    """Of a target that is gone, between two of whose steps others write, and its own series come back elsewhere."""
    store = SampleStore.in_memory(HOUR)
    gone, stays = store.open(MANY), store.open(OTHERS)
    gone.append(1, [1.0] * 1_000)
    stays.append(1, [1.0] * 1_000)
    gone.close(2)
    forgetting = store.forgetting(2 * HOUR)
    some(forgetting, 2)
    again = store.open(MANY[:600])
    again.append(2 * HOUR, [2.0] * 600)
    stays.append(2 * HOUR, [2.0] * 1_000)
    through(forgetting)
    assert everything(store.view(), 3) == {labels: points([(2 * HOUR, 2.0)]) for labels in (*MANY[:600], *OTHERS)}
    assert (store.series, store.stats().frames) == (1_600, 2)


def test_series_that_come_back_while_they_are_forgotten_stay() -> None:
    """Of an open target: what its writer takes up again between two steps is not taken from it."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([*MANY, *OTHERS])
    writer.append(1, [1.0] * 2_000)
    writer.replace(OTHERS)
    writer.append(2 * HOUR, [1.0] * 1_000)
    forgetting = store.forgetting(2 * HOUR)
    some(forgetting, 2)
    writer.replace([*OTHERS, *MANY])
    through(forgetting)
    writer.append(2 * HOUR + 1, [3.0] * 2_000)
    assert everything(store.view(), 2 * HOUR + 1) == {
        labels: points([(2 * HOUR + 1, 3.0)]) for labels in (*MANY, *OTHERS)
    }
    assert store.series == 2_000


@pytest.mark.parametrize("between", ["nothing", "later row", "earlier row", "forgotten", "opened"])
@pytest.mark.parametrize("steps", [1, 3, 5])
def test_new_loose_samples_in_steps_are_loose_samples(between: str, steps: int) -> None:
    """Whatever comes between two steps, they are all there after the last one, once, unless something later came first."""
    store = SampleStore.in_memory(HOUR)
    labels, values = tuple(MANY), [float(number) for number in range(1_000)]
    appending = store.appending_again(HOUR, labels, values)
    some(appending, steps)
    if between.endswith("row"):
        store.append(HOUR + (1 if between == "later row" else -1), [(labels[3], 7.0)])
    elif between == "forgotten":
        store.forget(3 * HOUR)
    elif between == "opened":
        store.open([labels[3]]).append(HOUR - 1, [7.0])
    through(appending)
    found = everything(store.view(), HOUR, HOUR)
    lost = [labels[3]] if between == "later row" else []
    assert found == {
        each: points([(HOUR, value)]) for each, value in zip(labels, values, strict=True) if each not in lost
    }
    through(store.appending_again(HOUR + 2, labels, values))
    assert len(everything(store.view(), HOUR + 2)) == 1_000


def test_loose_samples_that_are_given_up_half_way_leave_nothing() -> None:
    """Neither samples nor, once it is cleared away, a series."""
    store = SampleStore.in_memory(HOUR)
    appending = store.appending(HOUR, tuple(MANY), [1.0] * 1_000)
    some(appending, 5)
    appending.close()
    assert everything(store.view()) == {}
    store.forget(HOUR)
    assert (store.series, store.stats().frames) == (0, 0)
