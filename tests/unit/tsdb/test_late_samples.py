"""Samples that are older than the newest one of their series, where there is a window for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.columns.nans import MISSING_VALUE
from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import HOUR, MINUTE, Millis, Timestamp
from monitor.tsdb.log import Fsync
from monitor.tsdb.recovery import RecoveryReport
from monitor.tsdb.store import SampleStore
from tests.support.samples import History, bits, equal, everything, history, metric, points

A, B, C = metric("a"), metric("b"), metric("c")
MISSING = float(MISSING_VALUE[0])
DAY = 24 * HOUR


def a_store(window: Millis = HOUR) -> SampleStore:
    store = SampleStore.in_memory(DAY)
    store.take_late(window)
    return store


def opened(folder: Path, now: Timestamp, window: Millis = HOUR) -> tuple[SampleStore, RecoveryReport]:
    store, report = SampleStore.recover(folder, 15 * DAY, now, fsync=Fsync.NEVER)
    store.take_late(window)
    return store, report


def counted(store: SampleStore) -> dict[str, int]:
    """What is not zero."""
    health = store.health()
    found = {
        "taken": health.late_samples,
        "dropped": health.dropped_samples,
        "too old": health.too_old_samples,
        "duplicate": health.duplicate_samples,
        "overtaken": health.overtaken_samples,
    }
    return {name: count for name, count in found.items() if count}


def test_a_late_sample_stands_at_its_time() -> None:
    """In order, whatever order they came in, and beside those that came at once."""
    store = a_store()
    for at in (10, 40, 30, 20, 35, 5):
        store.append_stamped(at * MINUTE, [(A, float(at))])
    assert everything(store.view()) == {A: points([(at * MINUTE, float(at)) for at in (5, 10, 20, 30, 35, 40)])}
    assert counted(store) == {"taken": 4}


def test_without_a_window_it_is_dropped_as_ever() -> None:
    """A late sample, and a late one of a series that rows have."""
    store = a_store(0)
    writer = store.open([B])
    writer.append(2 * MINUTE, [1.0])
    store.append_stamped(2 * MINUTE, [(A, 1.0)])
    store.append_stamped(MINUTE, [(A, 2.0), (B, 2.0)])
    assert everything(store.view()) == {A: points([(2 * MINUTE, 1.0)]), B: points([(2 * MINUTE, 1.0)])}
    assert counted(store) == {"dropped": 2}


def test_the_window_counts_from_the_newest_sample_of_all() -> None:
    """And no sample is too old for a series that has nothing newer until it is an hour old, whatever the window."""
    store = a_store(30 * MINUTE)
    store.append_stamped(0, [(B, 0.0), (C, 0.0)])
    store.append_stamped(100 * MINUTE, [(A, 1.0)])
    store.append_stamped(69 * MINUTE, [(A, 2.0), (B, 3.0), (metric("new"), 4.0)])
    store.append_stamped(70 * MINUTE, [(A, 5.0)])
    store.append_stamped(39 * MINUTE, [(C, 6.0), (metric("newer"), 7.0)])
    assert everything(store.view()) == {
        A: points([(70 * MINUTE, 5.0), (100 * MINUTE, 1.0)]),
        B: points([(0, 0.0), (69 * MINUTE, 3.0)]),
        C: points([(0, 0.0)]),
        metric("new"): points([(69 * MINUTE, 4.0)]),
    }
    assert counted(store) == {"taken": 1, "too old": 3}


def test_what_has_a_sample_already_keeps_it() -> None:
    """As in Prometheus: the newest one's time with another value is a duplicate; an older time's is passed over, which only
    we count; the same value is no news in either case."""
    store = a_store()
    writer = store.open([B])
    for at in (10, 20, 30):
        store.append_stamped(at * MINUTE, [(A, float(at))])
        writer.append(at * MINUTE, [float(at)])
    store.append_stamped(15 * MINUTE, [(A, 15.0), (B, float("nan"))])
    for at, value in ((30, 1.0), (20, 1.0), (15, 1.0), (30, 30.0), (20, 20.0), (15, 15.0)):
        store.append_stamped(at * MINUTE, [(A, value), (B, float("nan") if value == 15.0 else value)])
    whole = [(10, 10.0), (15, 15.0), (20, 20.0), (30, 30.0)]
    assert everything(store.view()) == {
        A: points([(at * MINUTE, value) for at, value in whole]),
        B: points([(at * MINUTE, float("nan") if at == 15 else value) for at, value in whole]),
    }
    assert counted(store) == {"taken": 2, "duplicate": 2, "overtaken": 4}


def test_rules_and_ends_of_targets_never_come_late() -> None:
    """What they tell is of now; a scraped row may come late, when the clock was set back, but no marker in it."""
    store = a_store()
    writer = store.open([A, B])
    writer.append(10 * MINUTE, [1.0, 2.0])
    store.append(10 * MINUTE, [(C, 3.0)])
    store.append(5 * MINUTE, [(C, 4.0), (A, 4.0)])
    writer.append(5 * MINUTE, [5.0, STALE])
    writer.append(4 * MINUTE, [MISSING, 6.0])
    writer.close(3 * MINUTE)
    assert everything(store.view()) == {
        A: points([(5 * MINUTE, 5.0), (10 * MINUTE, 1.0)]),
        B: points([(4 * MINUTE, 6.0), (10 * MINUTE, 2.0)]),
        C: points([(10 * MINUTE, 3.0)]),
    }
    assert counted(store) == {"taken": 2, "dropped": 5}
    assert store.health().late_until == 10 * MINUTE  # the rule's


def test_a_view_does_not_see_what_came_after_it() -> None:
    """Not even between samples that it sees."""
    store = a_store()
    for at in (10, 30):
        store.append_stamped(at * MINUTE, [(A, float(at))])
    views = [store.view()]
    for at in (20, 15):
        store.append_stamped(at * MINUTE, [(A, float(at))])
        views.append(store.view())
    seen = [[at // MINUTE for at, _ in everything(view)[A]] for view in views]
    assert seen == [[10, 30], [10, 20, 30], [10, 15, 20, 30]]
    assert views[0].newest([equal("__name__", "a")], 0, HOUR) is None


def test_what_was_computed_before_a_late_sample_is_not_taken_for_the_same() -> None:
    """Selections tell by their state whether anything was written to them."""
    store = a_store()
    states: list[object] = []
    for at in (10, 30, 20, 15):
        store.append_stamped(at * MINUTE, [(A, float(at))])
        states.append(store.view().state([equal("__name__", "a")]))
    assert len({repr(state) for state in states}) == 4
    assert store.view().state([equal("__name__", "a")]) == states[-1]


def test_the_newest_sample_is_not_the_one_that_came_last() -> None:
    """Neither for instant queries at the newest time nor for those in between."""
    store = a_store()
    for at in (10, 30, 20):
        store.append_stamped(at * MINUTE, [(A, float(at))])
    for asked, value in ((40, 30.0), (29, 20.0), (19, 10.0)):
        newest = store.view().newest([equal("__name__", "a")], 0, asked * MINUTE)
        assert newest is not None
        assert newest.values.tolist() == [value]


def test_samples_that_come_backwards_do_not_make_a_frame_each() -> None:
    """Three thousand of a hundred series, the newest first, take as few frames as if they had come in order; and one series
    alone does not take the room of a hundred."""
    store = a_store(DAY)
    series = [metric("m", n=str(number)) for number in range(100)]
    for at in range(30, 0, -1):
        store.append_stamped(at * MINUTE, [(each, float(at)) for each in series])
    assert store.stats().frames == 2
    for at in range(600):
        store.append_stamped(at * 1000 + 1, [(series[7], 1.0)])
    assert store.stats().frames == 3
    assert store.stats().memory_bytes < 200_000
    found = everything(store.view())
    assert all(len(found[each]) == (630 if each is series[7] else 30) for each in series)


def test_a_target_finds_its_frame_again_beside_late_samples(tmp_path: Path) -> None:
    """After a restart, or a reload that opens it anew: series that live in two frames go on in the one that rows had."""
    store, _ = opened(tmp_path, HOUR)
    store.open([A, B]).append(10 * MINUTE, [1.0, 2.0])
    store.append_stamped(5 * MINUTE, [(A, 3.0), (B, 4.0)])
    store.close(HOUR)
    again, _ = opened(tmp_path, HOUR)
    writer = again.open([A, B])
    writer.append(10 * MINUTE, [5.0, 6.0])
    writer.append(11 * MINUTE, [7.0, 8.0])
    assert again.stats().frames == 2
    assert [at for at, _ in everything(again.view())[A]] == [5 * MINUTE, 10 * MINUTE, 11 * MINUTE]
    assert counted(again) == {"duplicate": 2}


@dataclass
class Plainly:
    """The rules, for one sample at a time."""

    window: Millis
    samples: dict[Labels, dict[Timestamp, float]] = field(default_factory=dict[Labels, dict[Timestamp, float]])
    newest: dict[Labels, Timestamp] = field(default_factory=dict[Labels, Timestamp])
    floor: Timestamp = -DAY
    head: Timestamp = -DAY
    row: Timestamp = -DAY
    """The last one in order."""

    def take_row(self, at: Timestamp, samples: Sequence[tuple[Labels, float]]) -> None:
        """A writer's rows are in order among themselves; of a late one every sample is looked at by itself."""
        if at <= self.row or at < self.floor:
            self.take(at, samples, stamped=True)
            return
        self.row = at
        self.head = max(self.head, at)
        for labels, value in samples:
            self.samples.setdefault(labels, {})[at] = value
            self.newest[labels] = max(self.newest.get(labels, at), at)

    def take(self, at: Timestamp, samples: Sequence[tuple[Labels, float]], *, stamped: bool) -> None:
        oldest = self.head - max(self.window, HOUR) if stamped and self.window else -DAY
        bound = self.head - self.window
        for labels, value in samples:
            own = self.samples.setdefault(labels, {})
            last = self.newest.get(labels)
            if at < max(oldest, self.floor) or at in own:
                continue
            if last is None or at > last:
                own[at] = value
                self.newest[labels] = at
                self.head = max(self.head, at)
            elif stamped and self.window and at >= bound:
                own[at] = value

    def told(self, start: Timestamp, end: Timestamp) -> History:
        found = {
            labels: [(at, bits(value)) for at, value in sorted(own.items()) if start <= at <= end]
            for labels, own in self.samples.items()
        }
        return {labels: own for labels, own in found.items() if own}


events = st.one_of(
    st.tuples(
        st.sampled_from(["stamped", "stamped", "stamped", "loose", "row"]),
        st.integers(0, 400),
        st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True),
        st.sampled_from([1.0, -2.5, float("nan")]),
    ),
    st.sampled_from(["flush", "forget", "restart", "seal"]),
)
ROWS = [metric("row", n="0"), metric("row", n="1")]
SERIES = [*ROWS, *(metric("m", n=str(number)) for number in range(3))]


@settings(max_examples=60)
@given(st.lists(events, max_size=40), st.sampled_from([20 * MINUTE, 90 * MINUTE]), st.integers(0, 400))
def test_any_story_is_told_as_the_rules_have_it(
    tmp_path_factory: pytest.TempPathFactory,
    story: list[tuple[str, int, list[int], float] | str],
    window: Millis,
    asked: int,
) -> None:
    """Rows, rules, stamped samples of any time, sealing, restarts: every query sees what the rules let in, as brute force has
    it."""
    folder = tmp_path_factory.mktemp("samples")
    now = 401 * MINUTE
    store, _ = opened(folder, now, window)
    plainly = Plainly(window)
    writer = store.open(ROWS)
    for event in story:
        if event == "restart":
            store.close(now)
            store, report = opened(folder, now, window)
            assert report.problems == ()
            writer = store.open(ROWS)
        elif event == "flush":
            store.flush(now)
        elif event == "forget":
            store.forget(now)
        elif event == "seal":
            seal(store, now)
            plainly.floor = store.head.floor
        elif not isinstance(event, str):
            how, minute, members, value = event
            at = minute * MINUTE
            if how == "row":
                # A second later, since a writer does not ask what others have written for the same time.
                writer.append(at + 1000, [value, value])
                plainly.take_row(at + 1000, [(each, value) for each in ROWS])
            elif how == "loose":
                own = [(SERIES[each], value) for each in members]
                store.append(at, own)
                plainly.take(at, own, stamped=False)
            else:
                own = [(SERIES[each], value) for each in members]
                store.append_stamped(at, own)
                plainly.take(at, own, stamped=True)
    view = store.view()
    assert everything(view) == plainly.told(0, DAY)
    for start, end in ((asked * MINUTE, DAY), (0, asked * MINUTE), (asked * MINUTE, (asked + 60) * MINUTE)):
        found = history(view.select([], start, end))
        inside = {labels: [one for one in own if start <= one[0] <= end] for labels, own in found.items()}
        assert {labels: own for labels, own in inside.items() if own} == plainly.told(start, end)
    newest = view.newest([], asked * MINUTE - HOUR, asked * MINUTE)
    if newest is not None:
        assert {
            labels: (int(at), bits(float(value)))
            for labels, at, value in zip(newest.labels, newest.times, newest.values, strict=True)
            if at > asked * MINUTE - HOUR
        } == {labels: own[-1] for labels, own in plainly.told(asked * MINUTE - HOUR + 1, asked * MINUTE).items()}


def seal(store: SampleStore, now: Timestamp) -> None:
    while (sealing := store.begin_sealing(now)) is not None:
        while sealing.step():
            pass
        store.end_sealing(sealing, now)
