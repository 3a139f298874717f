"""Reading through views."""

from __future__ import annotations

import threading

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.columns.nans import MISSING_VALUE, missing, stale
from monitor.matching.matchers import Matcher, MatchOp, all_match
from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import HOUR, MINUTE
from monitor.tsdb.chunks import Layout
from monitor.tsdb.frames import FrameKind, StoredFrame
from monitor.tsdb.homes import Homes
from monitor.tsdb.store import SampleStore
from tests.support.samples import equal, everything, history, metric, points

MISSING = float(MISSING_VALUE[0])

label_sets = st.dictionaries(
    st.sampled_from(["__name__", "job", "env", "code"]), st.sampled_from(["", "a", "b", "ab", "500", "503"])
).map(Labels)
matchers = st.builds(
    Matcher,
    st.sampled_from(["__name__", "job", "env", "code", "absent"]),
    st.sampled_from(MatchOp),
    st.sampled_from(["", "a", "b", "a|b", "a.*", ".*", ".+", "5..", "500|503|", "(a|b)?"]),
)


@settings(max_examples=100)
@given(st.lists(st.lists(label_sets, unique=True), max_size=5), st.lists(matchers, max_size=4), st.integers(0, 3))
def test_select_finds_exactly_the_matching_series(frames: list[list[Labels]], wanted: list[Matcher], gone: int) -> None:
    """The index agrees with trying every matcher on every series, also after some were forgotten and replaced."""
    store = SampleStore.in_memory(MINUTE)
    kept: set[Labels] = set()
    for number, labels in enumerate(frames):
        writer = store.open(labels)
        writer.append(1000 if number < gone else HOUR, [1.0] * len(labels))
        if number < gone:
            writer.close(None)
            store.forget(HOUR)
        else:
            kept.update(labels)
    for _ in range(2):
        found = history(store.view().select(wanted, 0, HOUR))
        assert set(found) == {labels for labels in kept if all_match(wanted, labels)}
        assert store.stats().series == len(kept)


def test_labels_stay_the_same_object_while_other_series_come_and_go() -> None:
    """Plans made upon a selection survive churn elsewhere."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([metric("a", n=str(n)) for n in range(5)])
    writer.append(1000, [1.0] * 5)
    wanted = [equal("__name__", "a")]
    (before,) = store.view().select(wanted, 0, 9999)
    store.append(1500, [(metric("b"), 1.0)])
    writer.append(2000, [2.0] * 5)
    (after,) = store.view().select(wanted, 0, 9999)
    assert after.labels is before.labels
    store.append(2500, [(metric("a", n="new"), 1.0)])
    frames = store.view().select(wanted, 0, 9999)
    assert frames[0].labels is before.labels
    assert len(frames) == 2


def test_a_selection_is_made_anew_only_when_its_metric_changes() -> None:
    """An alert that comes or goes is a new series, and no reason to look for the series of all other rules."""
    homes = Homes()

    def add(*labels: Labels) -> StoredFrame:
        sids = homes.intern(labels)
        frame = StoredFrame(int(sids[0]), Layout(sids), homes.newest, FrameKind.LOOSE)
        homes.move_in(frame, sids)
        return frame

    def found(matcher: Matcher) -> int:
        return sum(len(group.labels) for group in homes.select([matcher]).groups.values())

    named, anyone = equal("__name__", "a"), Matcher("n", MatchOp.EQUAL, "0")
    add(metric("a", n="0"))
    before, every = homes.select([named]), homes.select([anyone])
    # names are told apart by their hash, of which some digits are looked at
    add(metric(next(name for name in "bcd" if hash(name) % 1024 != hash("a") % 1024), n="0"))
    assert homes.select([named]) is before
    assert homes.select([anyone]) is not every
    second = add(metric("a", n="1"))
    assert found(named) == 2
    homes.move_out(second, second.layout.sids)
    assert found(named) == 1
    assert found(equal("__name__", "m7")) == 0
    many = add(*[metric(f"m{n}", n="0") for n in range(2000)])
    assert found(equal("__name__", "m7")) == 1
    homes.move_out(many, many.layout.sids)
    assert found(equal("__name__", "m7")) == 0


def test_a_number_used_again_is_not_taken_for_the_series_that_had_it() -> None:
    """A remembered selection does not outlive its series."""
    store = SampleStore.in_memory(MINUTE)
    wanted = [Matcher("__name__", MatchOp.MATCHES, "a|b")]
    store.append(1000, [(metric("a"), 1.0)])
    assert list(history(store.view().select(wanted, 0, HOUR))) == [metric("a")]
    store.forget(HOUR)
    store.append(HOUR, [(metric("b"), 1.0)])
    assert list(history(store.view().select(wanted, 0, HOUR))) == [metric("b")]


def test_a_view_does_not_change_while_samples_are_added() -> None:
    """A view taken before a write never shows it, whatever happens to the chunks since."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([metric("a"), metric("b")])
    views = [store.view()]
    for at in range(1, 300):
        writer.append(at * 1000, [float(at), MISSING if at % 7 == 0 else 1.0])
        if at % 100 == 0:
            store.append(at * 1000, [(metric("loose"), float(at))])
        views.append(store.view())
    seen = [len(everything(view).get(metric("a"), [])) for view in views]
    assert seen == list(range(300))
    assert [len(everything(view).get(metric("loose"), [])) for view in views] == [at // 100 for at in range(300)]


def test_a_frame_in_hand_survives_packing_and_forgetting() -> None:
    """Chunks are replaced, not changed: what a reader holds stays readable."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([metric("a")])
    for at in range(1, 200):
        writer.append(at * 1000, [at * 0.5])
    (frame,) = store.view().select([equal("__name__", "a")], 0, HOUR)
    writer.close(None)
    store.pack(HOUR)
    store.forget(10 * HOUR)
    assert frame.values(0, 199).tolist() == [[at * 0.5 for at in range(1, 200)]]
    assert everything(store.view()) == {}


def test_readers_in_threads_see_whole_rows_in_order() -> None:
    """While the writer appends, replaces, packs and forgets, every selection is a gapless run of equal pairs."""
    store = SampleStore.in_memory(HOUR)
    wanted = [Matcher("__name__", MatchOp.MATCHES, "a|b")]
    done = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not done.is_set():
            for frame in store.view().select(wanted, 0, 10_000_000):
                matrix = frame.values(0, len(frame.times))
                if not np.array_equal(matrix[0], matrix[1]) or not (np.diff(matrix[0]) == 1.0).all():
                    wrong.append(str(matrix))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    pair = [metric("a"), metric("b")]
    writer, wider = store.open(pair), False
    try:
        for at in range(1, 1500):
            if at % 300 == 0:
                wider = not wider
                writer.replace([metric("c", n=str(at)), *pair] if wider else pair)
            writer.append(at * 1000, [1.0] * wider + [float(at)] * 2)
            if at % 99 == 0:
                store.append(at * 1000, [(metric("other", n=str(at)), 1.0)])
                store.forget(at * 1000)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert wrong == []


def test_only_the_asked_time_is_answered() -> None:
    """Both ends are included; a series without samples there is not answered."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([metric("a")])
    for at in range(1, 200):
        writer.append(at * 1000, [float(at)])
    assert everything(store.view(), 60_000, 70_000) == {metric("a"): points([(at * 1000, at) for at in range(60, 71)])}
    assert everything(store.view(), 60_001, 60_999) == {}
    assert store.view().select([], 200_000, 300_000) == []


def test_dense_means_no_missing_or_stale_value_among_the_selected() -> None:
    """A gap of a neighbour in the frame does not count."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([metric("a"), metric("b"), metric("c")])
    for at in range(1, 201):
        writer.append(at * 1000, [float("inf"), MISSING if at == 50 else float("nan"), STALE if at == 150 else -1.0])
    (a,) = store.view().select([equal("__name__", "a")], 0, HOUR)
    (b,) = store.view().select([equal("__name__", "b")], 0, HOUR)
    (c,) = store.view().select([equal("__name__", "c")], 0, HOUR)
    assert a.dense(0, 200)
    assert (b.dense(0, 49), b.dense(0, 50), b.dense(49, 50), b.dense(50, 200)) == (True, False, False, True)
    assert (c.dense(0, 149), c.dense(100, 150), c.dense(150, 200)) == (True, False, True)
    store.pack(HOUR)
    (b,) = store.view().select([equal("__name__", "b")], 0, HOUR)
    assert (b.dense(0, 49), b.dense(0, 50), b.dense(49, 50), b.dense(50, 200)) == (True, False, False, True)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(*[st.sampled_from([0.0, 1.0, 2.0, 5.5, MISSING, STALE, float("nan")])] * 3), min_size=1, max_size=150
    ),
    st.data(),
)
def test_dense_and_resets_agree_with_the_values(rows: list[tuple[float, ...]], data: st.DataObject) -> None:
    """For any window: dense is what the bits say; where dense, the resets are where values fall, and from what."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([metric("x", n=str(n)) for n in range(3)])
    split = data.draw(st.integers(0, len(rows)))
    wanted = [Matcher("n", MatchOp.MATCHES, "0|2")]
    for at, row in enumerate(rows):
        if at == split:
            for frame in store.view().select(wanted, 0, HOUR):
                frame.resets(0, len(frame.times))
        writer.append(at * 1000, row)
    if data.draw(st.booleans()):
        store.pack(HOUR)
    start = data.draw(st.integers(0, len(rows) - 1))
    (frame,) = store.view().select(wanted, start * 1000, HOUR)
    low = data.draw(st.integers(0, len(frame.times) - 1))
    high = data.draw(st.integers(low + 1, len(frame.times)))
    values = frame.values(low, high)
    dense = not bool((missing(values) | stale(values)).any())
    assert frame.dense(low, high) == dense
    resets = frame.resets(low, high)
    assert resets is not None
    if dense:
        slots, rows_ = np.nonzero((values[:, 1:] < values[:, :-1]).T)
        assert resets.slots.tolist() == (slots + 1).tolist()
        assert resets.rows.tolist() == rows_.tolist()
        assert resets.amounts.tolist() == values[rows_, slots].tolist()
    asked = np.array(data.draw(st.lists(st.integers(0, len(frame.times) - 1), min_size=1, max_size=5)))
    picked = frame.at(asked)
    assert picked.tobytes() == np.ascontiguousarray(frame.values(0, len(frame.times))[:, asked]).tobytes()


def test_gauges_do_not_pretend_to_have_resets() -> None:
    """Series that fall all the time are left to the evaluator."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([metric("g", n=str(n)) for n in range(100)])
    for at in range(200):
        writer.append(at * 1000, [float((at + n) % 2) for n in range(100)])
    (frame,) = store.view().select([equal("__name__", "g")], 0, HOUR)
    assert frame.resets(0, 200) is None
    (frame,) = store.view().select([equal("__name__", "g")], 190_000, HOUR)
    assert frame.resets(0, 10) is None


def test_names_values_and_series_for_the_api() -> None:
    """Sorted, distinct, and only of what was written in the asked time."""
    store = SampleStore.in_memory(HOUR)
    store.append(1000, [(metric("b", job="x"), 1.0), (metric("a", job="x", env="prod"), 1.0)])
    store.append(5000, [(metric("c", zone="1"), 1.0)])
    view = store.view()
    assert view.label_names([], 0, 9999) == ["__name__", "env", "job", "zone"]
    assert view.label_names([equal("job", "x")], 0, 9999) == ["__name__", "env", "job"]
    assert view.label_values("__name__", [], 0, 2000) == ["a", "b"]
    assert view.label_values("env", [], 0, 9999) == ["prod"]
    store.append(6000, [(metric("b", job="x"), 1.0)])
    assert store.view().series([], 6000, 6000) == [metric("b", job="x")]
    assert view.series([], 0, 9999) == sorted(
        [metric("b", job="x"), metric("a", job="x", env="prod"), metric("c", zone="1")]
    )
