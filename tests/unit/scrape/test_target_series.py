"""What is stored of one target, whenever it is taken away."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from typing import TypeVar

import pytest

from monitor.model.labels import Labels
from monitor.model.samples import STALE, is_stale
from monitor.model.times import DAY
from monitor.scrape.exposition.reading import Reading
from monitor.scrape.exposition.text import TextReader
from monitor.scrape.history import TargetSeries
from monitor.scrape.rows import compare_plans, plan_rows
from monitor.tsdb.store import SampleStore
from tests.support.samples import bits, everything, metric
from tests.support.scraped import FakeSink

R = TypeVar("R")
UP = (metric("up"),)


def through(steps: Generator[object, None, R]) -> R:
    """The result of all steps."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: R = end.value
            return result


def write(series: TargetSeries, at: int, body: str) -> Generator[None, None, None]:
    """The steps of storing this answer."""
    reader: TextReader[Labels | None] = TextReader(Labels)
    reading: Reading[Labels | None] = through(reader.read(body.encode()))
    plan = through(plan_rows(reading, frozenset(reading.times), UP))
    return series.write(at, plan, through(compare_plans(series.plan, plan)), reading, [1.0], at)


@pytest.mark.parametrize("first", ["", "m 1\n", "m 1\nn 1\n"], ids=["new", "other series", "one goes"])
@pytest.mark.parametrize("count", range(5))
def test_a_target_taken_away_between_two_steps_leaves_nothing_open(first: str, count: int) -> None:
    """All that was stored of it has ended, and nothing comes after that."""
    sink = FakeSink()
    series = TargetSeries(sink, UP, track_loose=False)
    if first:
        through(write(series, 1, first))
    steps = write(series, 2, "n 2\no 2\n")
    for _ in range(count):
        next(steps, None)
    series.close(3)
    through(steps)
    assert sink.open_series == set()
    assert all(is_stale(there[-1][1]) for there in sink.samples.values())


@pytest.mark.parametrize("count", range(3))
def test_a_failure_is_stored_in_steps_as_well(count: int) -> None:
    """Also of the first answer, which has nothing but the reports."""
    sink = FakeSink()
    series = TargetSeries(sink, UP, track_loose=False)
    steps = series.fail(1, [0.0])
    for _ in range(count):
        next(steps, None)
    series.close(2)
    through(steps)
    assert sink.open_series == set()
    assert all(is_stale(there[-1][1]) for there in sink.samples.values())


@pytest.mark.parametrize("before", [True, False], ids=["known", "new"])
def test_a_target_taken_away_while_stamped_samples_are_stored_leaves_nothing_open(before: bool) -> None:
    """At whichever step: what was stored of them has ended, and what was not is not stored any more."""

    def body(at: int) -> str:
        return "".join(f'm{{i="{number}"}} 1 {at}\n' for number in range(2_500))

    count, done, stored = 0, False, everything(SampleStore.in_memory(DAY).view())
    while not done:
        store = SampleStore.in_memory(DAY)
        series = TargetSeries(store, UP, track_loose=True)
        if before:
            through(write(series, DAY, body(DAY)))
        steps = write(series, DAY + 2, body(DAY + 2))
        taken = sum(1 for _ in itertools.islice(steps, count))
        series.close(DAY + 3)
        through(steps)
        stored = everything(store.view())
        assert [there[-1] for there in stored.values() if there[-1][1] != bits(STALE)] == []
        assert store.intake.dropped == 0
        count, done = count + 1, taken < count
    assert count > 5
    assert len(stored) == 2_501
