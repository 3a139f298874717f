"""What the store does with samples that are later than the clock."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.columns.nans import MISSING_VALUE
from monitor.model.times import HOUR, MINUTE, SECOND, Timestamp
from monitor.tsdb.records import SegmentReader, up_to
from monitor.tsdb.recovery import RecoveryReport
from monitor.tsdb.store import SampleStore
from tests.support.samples import equal, everything, metric, points

A, B, LOOSE = metric("a"), metric("b"), metric("loose")
MISSING = float(MISSING_VALUE[0])
NOON: Timestamp = 100 * HOUR


def recovered(folder: Path, now: Timestamp) -> tuple[SampleStore, RecoveryReport]:
    return SampleStore.recover(folder, 48 * HOUR, now)


def an_hour_ahead(folder: Path) -> None:
    """A log with rows of the minute before noon and of an hour later."""
    store, _ = recovered(folder, NOON - MINUTE)
    writer = store.open([A, B])
    for step in (-60, -30, 0):
        writer.append(NOON + step * SECOND, [float(step), 1.0])
        store.append(NOON + step * SECOND, [(LOOSE, float(step))])
    store.flush(NOON)
    for step in (-30, 0):
        writer.append(NOON + HOUR + step * SECOND, [7.0, 8.0])
        store.append(NOON + HOUR + step * SECOND, [(LOOSE, 9.0)])
    store.close(NOON + HOUR)


def test_a_start_with_the_clock_behind_takes_new_samples_at_once(tmp_path: Path) -> None:
    """Rows of the log that are later than the clock are refused and told; rows, loose samples and the newest of each go
    on from now."""
    an_hour_ahead(tmp_path)
    store, report = recovered(tmp_path, NOON)
    assert report.rows == 6
    (problem,) = report.problems
    assert "4 rows are later than the clock, by up to 1h, and were refused" in problem
    store.open([A, B]).append(NOON + SECOND, [2.0, 3.0])
    store.append(NOON + SECOND, [(LOOSE, 4.0)])
    assert (store.health().dropped_samples, store.health().late_until) == (0, None)
    history = everything(store.view())
    assert history[A] == points(
        [(NOON - MINUTE, -60.0), (NOON - 30 * SECOND, -30.0), (NOON, 0.0), (NOON + SECOND, 2.0)]
    )
    assert history[LOOSE][-1:] == points([(NOON + SECOND, 4.0)])
    newest = store.view().newest([equal("__name__", "a")], NOON - HOUR, NOON + 2 * HOUR)
    assert newest is not None
    assert (newest.times.tolist(), newest.values.tolist()) == ([NOON + SECOND], [2.0])


def test_refused_rows_do_not_come_back(tmp_path: Path) -> None:
    """When the clock has caught up, the next start finds what was written since, and nothing to tell."""
    an_hour_ahead(tmp_path)
    store, _ = recovered(tmp_path, NOON)
    store.open([A, B]).append(NOON + SECOND, [2.0, 3.0])
    store.close(NOON + SECOND)
    again, report = recovered(tmp_path, NOON + 2 * HOUR)
    assert report.problems == ()
    assert everything(again.view()) == everything(store.view())


def test_a_few_seconds_ahead_are_a_correction_and_not_refused(tmp_path: Path) -> None:
    """Ten seconds of the log are no reason to lose them."""
    an_hour_ahead(tmp_path)
    _, report = recovered(tmp_path, NOON + HOUR - 10 * SECOND)
    assert (report.rows, report.problems) == (10, ())


def test_a_segment_with_refused_rows_is_set_aside_for_the_retention(tmp_path: Path) -> None:
    """If the clock was wrong and not the samples, they are not lost; later starts clean up."""
    an_hour_ahead(tmp_path)
    (segment,) = tmp_path.iterdir()
    before = segment.read_bytes()
    recovered(tmp_path, NOON)
    aside = segment.with_suffix(".ahead")
    assert aside.read_bytes() == before
    assert set(tmp_path.iterdir()) == {segment, aside}
    os.utime(aside, (NOON / 1000, NOON / 1000))
    segment.with_suffix(".unfinished").write_bytes(b"half")
    recovered(tmp_path, NOON + 47 * HOUR)
    assert set(tmp_path.iterdir()) == {segment, aside}
    recovered(tmp_path, NOON + 49 * HOUR)
    assert set(tmp_path.iterdir()) == {segment}


def test_a_segment_that_cannot_be_set_aside_stays_and_says_so(tmp_path: Path) -> None:
    """The start goes on without the rows that are ahead."""
    an_hour_ahead(tmp_path)
    (segment,) = tmp_path.iterdir()
    before = segment.read_bytes()
    segment.with_suffix(".ahead").mkdir()
    store, report = recovered(tmp_path, NOON)
    assert "could not be taken out of the log" in report.problems[0]
    assert segment.read_bytes() == before
    assert max(at for at, _ in everything(store.view())[A]) == NOON


def test_damage_behind_refused_rows_stays_damage(tmp_path: Path) -> None:
    """What cannot be read is neither lost nor repaired by taking rows out."""
    an_hour_ahead(tmp_path)
    (segment,) = tmp_path.iterdir()
    data = segment.read_bytes()
    segment.write_bytes(data + b"\xff" * 20)
    _, first = recovered(tmp_path, NOON)
    assert len(first.problems) == 2
    assert segment.read_bytes().endswith(b"\xff" * 20)
    store, second = recovered(tmp_path, NOON)
    assert len(second.problems) == 1
    assert max(at for at, _ in everything(store.view())[A]) == NOON


rows = st.tuples(st.integers(1, 5), st.lists(st.sampled_from([0.0, 1.0, -0.0, MISSING]), min_size=2, max_size=2))


@settings(max_examples=60, deadline=None)
@given(written=st.lists(rows, min_size=1, max_size=30), bound=st.integers(0, 60), turn=st.integers(0, 30))
def test_taking_rows_out_keeps_all_others(written: list[tuple[int, list[float]]], bound: int, turn: int) -> None:
    """Whatever the rows differ by and whenever the series change: the rest reads as before."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, _ = recovered(folder, HOUR)
        writer = store.open([A, B])
        at = 0
        for number, (step, values) in enumerate(written):
            at += step
            if number == turn:
                writer.replace([B, metric("c")])
            writer.append(at, values)
        store.close(HOUR)
        (segment,) = folder.iterdir()
        segment.write_bytes(up_to(segment.read_bytes(), bound))
        again, report = recovered(folder, HOUR)
        assert report.problems == ()
        assert everything(again.view()) == everything(store.view(), end=bound)
        assert list(SegmentReader(segment.read_bytes()))


def test_what_is_refused_while_the_clock_is_behind_shows_until_when(tmp_path: Path) -> None:
    """Late rows and late loose samples tell until when; a frame that goes on does not count any more."""
    store, _ = recovered(tmp_path, NOON)
    writer = store.open([A])
    writer.append(NOON, [1.0])
    store.append(NOON + 1, [(LOOSE, 1.0)])
    assert store.health().late_until is None
    writer.append(NOON - HOUR, [1.0])
    store.append(NOON - HOUR, [(LOOSE, 1.0)])
    assert (store.health().late_until, store.health().dropped_samples) == (NOON + 1, 2)
    store.append(NOON + 2, [(LOOSE, 1.0)])
    assert store.health().late_until == NOON
    writer.append(NOON + 2, [1.0])
    assert store.health().late_until is None


def test_a_frame_that_is_forgotten_is_not_waited_for() -> None:
    """What retention takes leaves no trace."""
    store = SampleStore.in_memory(HOUR)
    store.append(NOON, [(LOOSE, 1.0)])
    store.append(NOON - 1, [(LOOSE, 1.0)])
    assert store.health().late_until == NOON
    store.forget(NOON + 2 * HOUR)
    assert store.health().late_until is None


def test_a_simulated_restart_finds_what_a_real_one_finds(tmp_path: Path) -> None:
    """Rows, gaps, changed series and loose samples, with the clock behind some of them; and both go on alike."""
    an_hour_ahead(tmp_path)
    store, _ = recovered(tmp_path, NOON + HOUR)
    writer = store.open([B, metric("c")])
    for step in range(100):
        writer.append(NOON + HOUR + (step + 1) * SECOND, [float(step), MISSING if step % 3 else 1.0])
    writer.append(NOON + 2 * HOUR, [7.0, 8.0])
    store.close(NOON + 2 * HOUR)
    now = NOON + HOUR + 90 * SECOND
    simulated, (real, _) = store.restarted(now), recovered(tmp_path, now)
    for each in (simulated, real):
        each.append(now + 11 * SECOND, [(LOOSE, 4.0)])
        each.open([B]).append(now + 11 * SECOND, [5.0])
        assert each.health().dropped_samples == 0
    assert everything(simulated.view()) == everything(real.view())
    assert simulated.stats() == replace(real.stats(), disk_bytes=0, memory_bytes=simulated.stats().memory_bytes)
