"""Sealing: what memory lets go of is read from blocks, and nothing else changes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.columns.nans import MISSING_VALUE
from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import HOUR, MINUTE, SECOND
from monitor.tsdb.coding import decode_times, decode_values, encode_times, encode_values
from monitor.tsdb.parts import HEAD_SIZE, Stripe, Verdict, encode_stripe
from monitor.tsdb.store import SampleStore
from tests.support.samples import History, equal, everything, history, metric

DAY = 24 * HOUR
MISSING = float(MISSING_VALUE[0])


def opened(folder: Path, now: int = 0, retention: int = 15 * DAY) -> SampleStore:
    return SampleStore.recover(folder, retention, now)[0]


def seal(store: SampleStore, now: int, *, everything: bool = False) -> int:
    """Seal what is due; how many blocks."""
    blocks = 0
    while (sealing := store.begin_sealing(now, everything=everything)) is not None:
        while sealing.step():
            pass
        store.end_sealing(sealing, now)
        blocks += 1
    return blocks


def a_day(store: SampleStore, hours: int, *, sealing: bool) -> History:
    """A target whose series come and go, loose samples, gaps and stale markers; what was written."""
    writer = store.open([metric("a", job="x"), metric("b", job="x", le="0.5")])
    other = store.open([metric("a", job="y")])
    for minute in range(hours * 60):
        at = minute * MINUTE
        if minute % 150 == 75:
            writer.replace([metric("a", job="x"), metric("b", job="x", le=str(minute))])
        writer.append(at, [float(minute), STALE if minute % 150 == 74 else minute / 7])
        if minute % 7:
            other.append(at + 3, [MISSING if minute % 11 == 0 else float(minute // 9)])
        if minute % 5 == 0:
            store.append(
                at, [(metric("rule", n=str(minute // 200)), float("nan") if minute % 50 == 0 else minute * 0.1)]
            )
        if sealing and minute % 60 == 0:
            seal(store, at)
            store.forget(at + 4 * MINUTE)
            store.flush(at)
    return everything(store.view())


def test_sealed_and_unsealed_stores_answer_alike(tmp_path: Path) -> None:
    """Every sample, NaN bits included, is the same whether it is in memory or in a block; memory keeps three hours."""
    whole = a_day(SampleStore.in_memory(15 * DAY), 24, sealing=False)
    store = opened(tmp_path)
    assert a_day(store, 24, sealing=True) == whole
    stats = store.stats()
    assert stats.blocks == 11
    assert stats.samples < 4 * 60 * 8


def test_selections_over_blocks_are_those_of_brute_force(tmp_path: Path) -> None:
    """Matchers, time ranges, series, names and values agree with a store that has all in memory."""
    plain, store = SampleStore.in_memory(15 * DAY), opened(tmp_path)
    a_day(plain, 12, sealing=False)
    a_day(store, 12, sealing=True)
    matchers = (
        [equal("__name__", "a")],
        [Matcher("le", MatchOp.NOT_EQUAL, "")],
        [Matcher("job", MatchOp.MATCHES, "x|z"), Matcher("le", MatchOp.NOT_MATCHES, "0.*")],
        [Matcher("n", MatchOp.EQUAL, ""), Matcher("__name__", MatchOp.MATCHES, ".+")],
    )
    ranges = ((0, 12 * HOUR), (HOUR, 5 * HOUR), (9 * HOUR, 12 * HOUR), (3 * HOUR, 3 * HOUR), (75 * MINUTE, 76 * MINUTE))
    for each in matchers:
        for start, end in ranges:
            ours, theirs = store.view(), plain.view()
            assert history(ours.select(each, start, end)) == history(theirs.select(each, start, end))
            assert ours.series(each, start, end) == theirs.series(each, start, end)
            assert ours.label_names(each, start, end) == theirs.label_names(each, start, end)
            assert ours.label_values("le", each, start, end) == theirs.label_values("le", each, start, end)


def test_a_view_reads_on_while_a_block_is_sealed(tmp_path: Path) -> None:
    """What a view began with it can read for some minutes more; a later view reads the same from the block."""
    store = opened(tmp_path)
    before = a_day(store, 4, sealing=False)
    view = store.view()
    assert seal(store, 4 * HOUR) == 1
    store.forget(4 * HOUR + MINUTE)
    assert everything(view) == before
    store.forget(4 * HOUR + 5 * MINUTE)
    assert everything(store.view()) == before
    assert everything(view) != before


def test_nothing_is_taken_before_what_is_sealed(tmp_path: Path) -> None:
    """A late sample for a sealed time is dropped and counted, in old frames, new frames and loose ones alike."""
    store = opened(tmp_path)
    writer = store.open([metric("a")])
    for minute in range(240):
        writer.append(minute * MINUTE, [1.0])
    silent = store.open([metric("silent")])
    seal(store, 4 * HOUR)
    whole = everything(store.view())
    silent.append(HOUR, [1.0])
    store.open([metric("fresh")]).append(HOUR, [1.0])
    store.append(HOUR, [(metric("loose"), 1.0)])
    assert everything(store.view()) == whole
    assert store.health().dropped_samples == 3
    silent.append(5 * HOUR, [1.0])
    assert metric("silent") in everything(store.view())


def test_a_restart_reads_blocks_and_the_rest_of_the_log(tmp_path: Path) -> None:
    """Segments that are wholly in blocks are deleted; a start takes what is sealed from blocks and the rest from the log."""
    store = opened(tmp_path)
    whole = a_day(store, 24, sealing=True)
    store.close(24 * HOUR)
    assert len(list(tmp_path.glob("*.samples"))) < 24
    again, report = SampleStore.recover(tmp_path, 15 * DAY, 24 * HOUR)
    assert report.problems == ()
    assert everything(again.view()) == whole
    assert again.stats().samples < 4 * 60 * 8
    assert seal(again, 24 * HOUR, everything=True) == 1
    again.forget(25 * HOUR)
    assert again.stats().samples == 0
    assert everything(again.view()) == whole
    again.close(25 * HOUR)
    assert everything(opened(tmp_path, 25 * HOUR).view()) == whole


def test_a_long_stop_loses_nothing(tmp_path: Path) -> None:
    """What was not sealed when the daemon stopped is sealed when it starts days later."""
    store = opened(tmp_path)
    whole = a_day(store, 5, sealing=False)
    store.close(5 * HOUR)
    again = opened(tmp_path, 3 * DAY)
    assert seal(again, 3 * DAY) == 3
    again.forget(3 * DAY + 5 * MINUTE)
    assert again.stats().samples == 0
    assert everything(again.view()) == whole


def test_retention_by_age_and_by_bytes_takes_the_oldest_blocks(tmp_path: Path) -> None:
    """Blocks that end before the retention go; so do the oldest while log and blocks are too large. Files follow."""
    store = opened(tmp_path, retention=6 * HOUR)
    a_day(store, 24, sealing=True)
    store.forget(24 * HOUR)
    assert min(at for points in everything(store.view()).values() for at, _ in points) >= 16 * HOUR
    blocks = store.stats().blocks
    store.retention_bytes = store.stats().disk_bytes - 1
    store.forget(24 * HOUR)
    assert store.stats().blocks == blocks - 1
    store.append(24 * HOUR, [(metric("x"), 1.0)])
    store.flush(24 * HOUR + 4 * MINUTE)
    assert len(list((tmp_path / "blocks").iterdir())) == blocks - 1


def merge(store: SampleStore, now: int) -> int:
    """Merge what is due; how often."""
    merged = 0
    while (merging := store.begin_merging()) is not None:
        while merging.step():
            pass
        store.end_merging(merging, now)
        merged += 1
    return merged


def test_merged_blocks_hold_the_same_samples(tmp_path: Path) -> None:
    """Days become few files, which hold exactly what the small ones held, in fewer bytes; those are deleted."""
    store = opened(tmp_path)
    whole = a_day(store, 40, sealing=True)
    store.flush(40 * HOUR)
    before = store.stats()
    assert merge(store, 40 * HOUR) == 5
    after = store.stats()
    assert (before.blocks, after.blocks) == (19, 4)
    assert after.block_bytes < before.block_bytes
    assert everything(store.view()) == whole
    assert merge(store, 40 * HOUR) == 0
    store.append(40 * HOUR, [(metric("x"), 1.0)])
    store.flush(40 * HOUR + 4 * MINUTE)
    assert len(list((tmp_path / "blocks").iterdir())) == 4


@pytest.mark.parametrize("steps", [0, 1, 9, 10**6])
def test_a_process_killed_while_merging_loses_nothing(tmp_path: Path, steps: int) -> None:
    """Before the merged block has its name the sources count, afterwards it does: never both, never neither."""
    store = opened(tmp_path)
    whole = a_day(store, 12, sealing=True)
    store.flush(12 * HOUR)
    merging = store.begin_merging()
    assert merging is not None
    for _ in range(steps):
        if not merging.step():
            break
    again, report = SampleStore.recover(tmp_path, 15 * DAY, 12 * HOUR)
    assert report.problems == ()
    assert everything(again.view()) == whole
    assert again.stats().blocks == (5 if steps < 10**6 else 2)
    assert {path.suffix for path in (tmp_path / "blocks").iterdir()} == {".block"}


def test_churn_leaves_nothing_in_memory(tmp_path: Path) -> None:
    """A target whose labels change at each scrape, for a day: memory holds the series of the last hours only."""
    store = opened(tmp_path)
    writer = store.open([metric("pod", n="0")])
    most = 0
    for minute in range(24 * 60):
        at = minute * MINUTE
        writer.append(at, [1.0, *([STALE] if minute else [])])
        writer.replace([metric("pod", n=str(minute + 1)), metric("pod", n=str(minute))])
        if minute % 60 == 0:
            seal(store, at)
            store.forget(at + 4 * MINUTE)
            most = max(most, store.stats().series)
    assert most <= 190 + 64
    assert len(store.view().label_values("n", [equal("__name__", "pod")], 0, DAY)) == 24 * 60


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


def test_a_flipped_byte_of_a_block_costs_the_part_it_held(tmp_path: Path) -> None:
    """Wherever it is, the store starts, other parts are read whole, nothing false is read, and the damage is told."""
    store = opened(tmp_path)
    for target in range(4):
        writer = store.open([metric("a", target=str(target), n=str(n)) for n in range(3)])
        for minute in range(240):
            writer.append(minute * MINUTE, [minute * 1.5, float(minute), float(minute // 50)])
    whole = everything(store.view(), 0, 2 * HOUR - 1)
    seal(store, 4 * HOUR)
    (block,) = (tmp_path / "blocks").iterdir()
    data = block.read_bytes()
    for place in range(0, len(data), 3):
        flip(block, place)
        again, report = SampleStore.recover(tmp_path, 15 * DAY, 4 * HOUR)
        found = everything(again.view())
        assert all(points == whole[labels] for labels, points in found.items())
        assert len({labels.get("target") for labels in found}) >= 3
        problems = (*report.problems, *again.health().problems)
        assert len(found) == len(whole) or problems
        block.write_bytes(data)


def damaged(folder: Path) -> tuple[SampleStore, list[Path]]:
    """Two blocks of two hours; of the first the label sets of a part are damaged, which a query has found."""
    store = opened(folder)
    for minute in range(6 * 60):
        store.append(minute * MINUTE, [(metric("a"), float(minute))])
    assert seal(store, 6 * HOUR) == 2
    blocks = sorted((folder / "blocks").iterdir())
    assert store.archive is not None
    (part,) = store.archive.shelf.blocks[0].table.all()
    flip(blocks[0], part.offset + HEAD_SIZE + 3)
    store.forget(6 * HOUR + 4 * MINUTE)
    assert min(at for at, _ in everything(store.view())[metric("a")]) == 2 * HOUR
    assert store.health().damaged == 1
    return store, blocks


def test_a_damaged_block_is_told_of_for_as_long_as_it_is_there(tmp_path: Path) -> None:
    """Until the retention takes it."""
    store, _ = damaged(tmp_path)
    store.forget(2 * HOUR + 15 * DAY - 1)
    assert "the label sets of a part are damaged; its samples are lost" in store.health().problems[0]
    store.forget(2 * HOUR + 15 * DAY)
    assert (store.health().damaged, store.health().problems) == (0, ())


def test_merging_leaves_damage_behind(tmp_path: Path) -> None:
    """What could be read is in the merged block, which is whole."""
    store, _ = damaged(tmp_path)
    store.append(8 * HOUR, [(metric("a"), 1.0)])
    assert seal(store, 11 * HOUR) >= 1
    assert merge(store, 11 * HOUR) >= 1
    assert store.health().damaged == 0
    assert min(at for at, _ in everything(store.view())[metric("a")]) == 2 * HOUR


@pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "old"])
def test_a_block_of_which_nothing_can_be_told_stays_until_it_is_deleted_or_old(tmp_path: Path, deleted: bool) -> None:
    """By somebody, or by us once it was last written before the retention."""
    _, blocks = damaged(tmp_path)
    blocks[1].write_bytes(b"nothing of it is left")
    written = 6 * HOUR
    os.utime(blocks[1], (written / SECOND, written / SECOND))
    store, report = SampleStore.recover(tmp_path, 15 * DAY, 7 * HOUR)
    assert len(report.problems) == 1
    assert "all its samples are lost" in store.health().problems[0]
    store.forget(written + 15 * DAY)
    assert (store.health().damaged, blocks[1].exists()) == (1, True)
    if deleted:
        blocks[1].unlink()
        store.forget(written + 15 * DAY)
    else:
        store.forget(written + 15 * DAY + 1)
        store.flush(written + 15 * DAY + 4 * MINUTE)
    assert (store.health().damaged, blocks[1].exists()) == (0, False)


def test_a_block_cut_at_any_byte_never_stops_the_store(tmp_path: Path) -> None:
    """What is left of it is read as far as whole parts go."""
    store = opened(tmp_path)
    whole = a_day(store, 4, sealing=False)
    seal(store, 4 * HOUR)
    (block,) = (tmp_path / "blocks").iterdir()
    data = block.read_bytes()
    for length in range(0, len(data), 37):
        block.write_bytes(data[:length])
        again, report = SampleStore.recover(tmp_path, 15 * DAY, 4 * HOUR)
        for labels, points in everything(again.view()).items():
            assert set(points) <= set(whole[labels])
        assert report.problems


def test_what_was_not_finished_is_cleared_away(tmp_path: Path) -> None:
    """A process that is killed while it seals leaves a file without a name, which the next start deletes."""
    store = opened(tmp_path)
    whole = a_day(store, 4, sealing=False)
    store.flush(4 * HOUR)
    sealing = store.begin_sealing(4 * HOUR)
    assert sealing is not None
    assert sealing.step()
    assert [path.suffix for path in (tmp_path / "blocks").iterdir()] == [".unfinished"]
    again = opened(tmp_path, 4 * HOUR)
    assert list((tmp_path / "blocks").iterdir()) == []
    assert everything(again.view()) == whole


def test_a_disk_that_refuses_a_block_is_told_and_tried_again(tmp_path: Path) -> None:
    """The samples stay in memory and in the log, bounded to some hours; the block comes once the disk takes it."""
    store = opened(tmp_path)
    whole = a_day(store, 4, sealing=False)
    (tmp_path / "blocks").write_text("in the way")
    sealing = store.begin_sealing(4 * HOUR)
    assert sealing is not None
    with pytest.raises(OSError, match="exists") as refused:
        sealing.step()
    store.end_sealing(sealing, 4 * HOUR, refused.value)
    assert "written to blocks" in (store.health().error or "")
    assert everything(store.view()) == whole
    (tmp_path / "blocks").unlink()
    store.forget(4 * HOUR)
    assert seal(store, 4 * HOUR) == 1
    assert store.health().error is None
    assert everything(store.view()) == whole


def test_a_full_disk_leaves_no_half_block_behind(tmp_path: Path) -> None:
    """A block that does not fit is given up whole, sealing and merging alike; nothing else changes."""
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    store = opened(tmp_path)
    whole = a_day(store, 10, sealing=True)
    # Only now the last block: nothing of it is on disk yet.
    sealing = store.begin_sealing(10 * HOUR + 30 * MINUTE, everything=True)
    merging = store.begin_merging()
    assert sealing is not None
    assert merging is not None
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
        with pytest.raises(OSError, match="too large") as full:
            while sealing.step():
                pass
        store.end_sealing(sealing, 11 * HOUR, full.value)
        assert "too large" in (store.health().error or "")
        with pytest.raises(OSError, match="too large") as full:
            while merging.step():
                pass
        store.end_merging(merging, 11 * HOUR, full.value)
        assert "merged" in (store.health().error or "")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert {path.suffix for path in (tmp_path / "blocks").iterdir()} == {".block"}
    assert everything(store.view()) == whole


_VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, float("inf"), float("nan"), STALE, MISSING]),
    st.floats(width=64),
    st.integers(-(1 << 60), 1 << 60).map(float),
    st.decimals(-1000, 1000, places=3).map(float),
)


@settings(max_examples=60)
@given(st.integers(1, 5).flatmap(lambda slots: st.lists(st.lists(_VALUES, min_size=slots, max_size=slots), min_size=1)))
def test_coding_gives_back_every_bit(rows: list[list[float]]) -> None:
    """decode after encode is identity, whatever the values."""
    matrix: NDArray[np.float64] = np.array(rows, dtype=np.float64)
    back = decode_values(encode_values(matrix), *matrix.shape)
    assert np.array_equal(back.view(np.uint64), matrix.view(np.uint64))


@settings(max_examples=60)
@given(st.sets(st.integers(-(1 << 50), 1 << 50), min_size=1, max_size=40))
def test_coding_gives_back_times(stamps: set[int]) -> None:
    """decode after encode is identity for ascending times."""
    times = np.array(sorted(stamps), dtype=np.int64)
    assert np.array_equal(decode_times(encode_times(times), len(times)), times)


@settings(max_examples=60)
@given(st.sets(st.dictionaries(st.sampled_from("abcd"), st.text(max_size=3), max_size=4).map(Labels), min_size=1))
def test_stripes_select_as_brute_force_does(sets: set[Labels]) -> None:
    """Every label set comes back, and every matcher picks the rows that it satisfies."""
    labels = sorted(sets)
    stripe = Stripe(encode_stripe(labels), len(labels))
    assert [stripe.labels(row, lambda each: each) for row in range(len(labels))] == labels
    for matcher in (equal("a", ""), Matcher("b", MatchOp.MATCHES, "x.*"), Matcher("c", MatchOp.NOT_EQUAL, "y")):
        rows = [
            row
            for row, each in enumerate(labels)
            if matcher.matches(each.get("a" if matcher.name == "a" else matcher.name, ""))
        ]
        assert stripe.rows([matcher], Verdict()).tolist() == rows


def test_a_day_is_read_back_in_bounded_parts(tmp_path: Path) -> None:
    """A series of every second makes several parts a block, and is whole over all of them."""
    store = opened(tmp_path)
    writer = store.open([metric("fast")])
    for second in range(3 * 3600):
        writer.append(second * SECOND, [float(second)])
    seal(store, 3 * HOUR)
    store.forget(4 * HOUR)
    assert [at for at, _ in everything(store.view())[metric("fast")]] == [second * SECOND for second in range(3 * 3600)]


def test_a_series_that_had_moved_on_before_what_is_sealed_is_there_after_a_restart(tmp_path: Path) -> None:
    """Its first frame has no rows that blocks lack, and goes; the series does not name it any more."""
    moved, left = metric("moved"), metric("left")
    store = opened(tmp_path)
    store.append(0, [(moved, 1.0), (left, 1.0)])
    store.append(MINUTE, [(left, 2.0)])
    store.append(MINUTE, [(moved, 2.0)])  # its frame has gone on without it
    now = 3 * HOUR + MINUTE
    store.append(now, [(moved, 3.0)])
    seal(store, now)
    store.close(now)
    store = opened(tmp_path, now + MINUTE)
    before = everything(store.view())
    assert {labels: len(samples) for labels, samples in before.items()} == {moved: 3, left: 2}
    store.append(now + 2 * MINUTE, [(moved, 4.0), (left, 4.0)])
    after = everything(store.view())
    assert {labels: len(samples) for labels, samples in after.items()} == {moved: 4, left: 3}
