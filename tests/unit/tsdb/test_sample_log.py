"""What survives a restart, a cut, a flipped byte and a full disk."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.columns.nans import MISSING_VALUE
from monitor.model.samples import STALE
from monitor.model.times import HOUR
from monitor.tsdb.log import Fsync, SampleLog
from monitor.tsdb.records import RowRecord, SegmentReader
from monitor.tsdb.recovery import RecoveryReport
from monitor.tsdb.store import SampleStore
from tests.support.samples import History, everything, metric, points

A, B, C = metric("a", job="x"), metric("b", job='y"\n\ud7ff'), metric("c")
MISSING = float(MISSING_VALUE[0])


def recovered(folder: Path, now: int = HOUR) -> tuple[SampleStore, RecoveryReport]:
    return SampleStore.recover(folder, 2 * HOUR, now)


def a_story(folder: Path) -> History:
    """Rows, a replacement, gaps and loose samples over several flushes."""
    store, _ = recovered(folder)
    writer = store.open([A, B])
    for at in range(1, 101):
        writer.append(at * 1000, [float(at), MISSING if at % 9 == 0 else at // 10])
        if at % 30 == 0:
            store.flush(at * 1000)
    writer.append(101_000, [1.0, STALE])
    writer.replace([A, C])
    writer.append(102_000, [2.0, float("nan")])
    store.append(102_000, [(metric("loose", n="1"), 1.0), (metric("loose", n="2"), 2.0)])
    store.append(103_000, [(metric("loose", n="2"), 3.0)])
    store.close(103_000)
    return everything(store.view())


def is_prefix(part: History, whole: History) -> bool:
    return all(samples == whole[labels][: len(samples)] for labels, samples in part.items())


def test_a_restart_brings_back_every_sample(tmp_path: Path) -> None:
    """Replay gives exactly what was flushed, NaN bits included."""
    whole = a_story(tmp_path)
    store, report = recovered(tmp_path)
    assert everything(store.view()) == whole
    assert (report.problems, report.rows, report.series) == ((), 104, 5)


def test_a_restart_takes_many_rows_at_once_and_each_as_it_was(tmp_path: Path) -> None:
    """More rows than a chunk has, of frames that take turns, with gaps, changed series and loose series that move to
    another frame meanwhile."""
    store, _ = recovered(tmp_path)
    one, other = store.open([A, B]), store.open([C])
    loose = [metric("loose", n=str(number)) for number in range(3)]
    for at in range(1, 200):
        one.append(at * 1000, [float(at), MISSING if at in (70, 150) else 2.0])
        other.append(at * 1000 + 1, [float(-at)])
        if at == 100:
            one.append(at * 1000 + 2, [1.0, STALE])
            one.replace([A])
            one.append(at * 1000 + 3, [9.0])
            one.replace([A, B])
        # From the hundredth on the first of them comes late, and so goes to a frame of its own.
        store.append(at * 1000, [(each, float(at)) for each in (loose if at < 100 else loose[1:])])
        if at >= 100:
            store.append(at * 1000 - 500, [(loose[0], float(at))])
    whole, frames = everything(store.view()), store.stats().frames
    store.close(200_000)
    again, report = recovered(tmp_path)
    assert everything(again.view()) == whole
    assert (report.problems, again.stats().frames) == ((), frames)
    assert report.samples == again.stats().samples


def test_segments_that_name_the_same_series_differ_in_what_frames_have_of_them(tmp_path: Path) -> None:
    """A frame that lost a series and got it back, in another order too, and loose series that moved: in each segment the rows
    are of the series that it says."""
    store, _ = recovered(tmp_path)
    assert store.log is not None
    store.log.segment_bytes = 1
    writer = store.open([A, B, C])
    loose = [metric("loose", n=str(number)) for number in range(3)]
    rounds = ([A, B, C], [A, B, C], [C, A], [C, A], [A, B, C], [B, A, C], [A, B, C])
    for at, series in enumerate(rounds, start=1):
        writer.replace(series)
        writer.append(at * 1000, [float(at * 10 + place) for place in range(len(series))])
        late = at % 2
        store.append(at * 1000 + 500, [(each, float(at)) for each in loose[late:]])
        store.append(at * 1000, [(each, float(-at)) for each in loose[:late]])
        store.flush(at * 1000)
    assert len(list(tmp_path.glob("*.samples"))) == len(rounds)
    whole, frames = everything(store.view()), store.stats().frames
    again, report = recovered(tmp_path)
    assert everything(again.view()) == whole
    assert (report.problems, again.stats().frames) == ((), frames)


def test_series_go_on_after_a_restart(tmp_path: Path) -> None:
    """Opening the same series takes the replayed frame up again; loose series keep theirs; a second restart agrees."""
    whole = a_story(tmp_path)
    store, _ = recovered(tmp_path)
    frames = store.stats().frames
    store.open([A, C]).append(200_000, [5.0, 6.0])
    store.append(200_000, [(metric("loose", n="2"), 7.0)])
    assert store.stats().frames == frames
    store.close(200_000)
    whole[A] += points([(200_000, 5.0)])
    whole[C] += points([(200_000, 6.0)])
    whole[metric("loose", n="2")] += points([(200_000, 7.0)])
    assert everything(store.view()) == whole
    again, _ = recovered(tmp_path)
    assert everything(again.view()) == whole


def test_what_was_not_flushed_is_lost_and_dirty_says_so(tmp_path: Path) -> None:
    """A killed process loses what came after the last flush, nothing before."""
    store, _ = recovered(tmp_path)
    writer = store.open([A])
    writer.append(1000, [1.0])
    assert store.dirty
    store.flush(1000)
    assert not store.dirty
    writer.append(2000, [2.0])
    assert store.dirty
    assert everything(recovered(tmp_path)[0].view()) == {A: points([(1000, 1.0)])}


@pytest.fixture(scope="module")
def told_story(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes, History, list[int]]:
    """A log of one segment: its name, its bytes, all samples; and how many rows there are up to each of its bytes."""
    folder = tmp_path_factory.mktemp("whole")
    whole = a_story(folder)
    (segment,) = folder.iterdir()
    data = segment.read_bytes()
    reader = SegmentReader(data)
    begins = [(reader.offset, isinstance(record, RowRecord)) for record in reader]
    rows = [0] * (len(data) + 1)
    for (_, is_row), end in zip(begins, [*(begin for begin, _ in begins[1:]), len(data)], strict=True):
        rows[end:] = [rows[end] + is_row] * (len(rows) - end)
    return segment.name, data, whole, rows


@settings(max_examples=200)
@given(st.data())
def test_a_log_cut_at_any_byte_gives_a_prefix(
    tmp_path_factory: pytest.TempPathFactory, told_story: tuple[str, bytes, History, list[int]], data: st.DataObject
) -> None:
    """Every length of the file is read as far as whole rows go, is cut there, and is whole and goes on from then on."""
    name, whole, samples, rows = told_story
    length = data.draw(st.integers(0, len(whole)))
    folder = tmp_path_factory.mktemp("cut")
    (folder / name).write_bytes(whole[:length])
    store, report = recovered(folder)
    found = everything(store.view())
    assert is_prefix(found, samples)
    assert report.rows == rows[length]
    good = (folder / name).read_bytes()
    assert whole.startswith(good)
    assert (len(good) < length) == bool(report.problems)
    store.open([A]).append(200_000, [7.0])
    store.close(200_000)
    again, after = recovered(folder)
    assert after.problems == ()
    assert everything(again.view()) == {**found, A: [*found.get(A, []), *points([(200_000, 7.0)])]}


def test_a_flipped_byte_costs_only_what_follows_in_its_segment(tmp_path: Path) -> None:
    """Damage is reported and never stops the start; later segments are read in full."""
    whole = a_story(tmp_path)
    (segment,) = tmp_path.iterdir()
    data = segment.read_bytes()
    store, _ = recovered(tmp_path)
    store.open([metric("later")]).append(300_000, [1.0])
    store.close(300_000)
    assert len(list(tmp_path.iterdir())) == 2
    for place in range(0, len(data), 29):
        broken = bytearray(data)
        broken[place] ^= 0x10
        segment.write_bytes(broken)
        store, report = recovered(tmp_path)
        found = everything(store.view())
        assert found.pop(metric("later")) == points([(300_000, 1.0)])
        assert is_prefix(found, whole)
        (problem,) = report.problems
        assert segment.name in problem
        assert len(segment.read_bytes()) == len(data)


def test_segments_rotate_stand_alone_and_are_deleted_by_age(tmp_path: Path) -> None:
    """Any segment can be lost without harm to the others; old ones go."""
    store, _ = recovered(tmp_path, now=0)
    writer = store.open([A, B])
    for minute in range(300):
        writer.append(minute * 60_000, [float(minute), 1.0])
        store.flush(minute * 60_000)
    numbers = sorted(path.name for path in tmp_path.iterdir())
    assert 5 < len(numbers) < 15
    assert numbers[0] != "0000000001.samples"
    assert store.stats().disk_bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    (tmp_path / numbers[2]).unlink()
    again, report = recovered(tmp_path, now=300 * 60_000)
    assert report.problems == ()
    kept = [at for at, _ in everything(again.view())[A]]
    assert kept[-1] == 299 * 60_000
    assert kept[0] >= 300 * 60_000 - 2 * HOUR
    assert 80 < len(kept) < 120


class FullDisk:
    """A folder that cannot be written: a file stands in its place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text("in the way")

    def repair(self) -> None:
        self.path.unlink()


def test_a_disk_that_refuses_is_reported_and_nothing_is_lost(tmp_path: Path) -> None:
    """Samples stay in memory, writers hear nothing, and the log catches up once the disk takes it."""
    disk = FullDisk(tmp_path / "samples")
    store, report = recovered(disk.path)
    assert len(report.problems) == 1
    writer = store.open([A])
    for at in range(1, 200):
        writer.append(at * 1000, [float(at)])
        store.flush(at * 1000)
    health = store.health()
    assert health.error is not None
    assert (health.last_flush, health.failed_flushes, health.unlogged_frames) == (None, 199, 1)
    disk.repair()
    store.flush(200_000)
    assert store.health().error is None
    assert store.health().last_flush == 200_000
    assert not store.dirty
    assert everything(recovered(disk.path)[0].view()) == everything(store.view())


def test_a_write_that_fails_halfway_is_undone_and_repeated(tmp_path: Path) -> None:
    """The segment keeps whole records only; the next flush writes the rest to a new one."""
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    store, _ = recovered(tmp_path)
    writer = store.open([metric("a", n=str(n)) for n in range(100)])
    writer.append(1000, [float(n) for n in range(100)])
    store.flush(1000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        size = store.stats().disk_bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))
        writer.append(2000, [float(n) + 1 for n in range(100)])
        store.flush(2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert store.health().error is not None
    (segment,) = tmp_path.iterdir()
    assert segment.stat().st_size == size
    writer.append(3000, [float(n) + 2 for n in range(100)])
    store.flush(3000)
    assert store.health().error is None
    again, report = recovered(tmp_path)
    assert report.problems == ()
    assert everything(again.view()) == everything(store.view())


def test_each_flush_can_be_forced_to_the_disk(tmp_path: Path) -> None:
    """The safer policy writes the same."""
    store, _ = SampleStore.recover(tmp_path, HOUR, 0, fsync=Fsync.EACH_FLUSH)
    store.append(1000, [(A, 1.0)])
    store.flush(1000)
    assert everything(recovered(tmp_path)[0].view()) == {A: points([(1000, 1.0)])}


def test_foreign_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    """Only what the log has written is read or deleted."""
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "x.samples").write_text("mine")
    whole = a_story(tmp_path)
    store, report = recovered(tmp_path)
    assert report.problems == ()
    assert everything(store.view()) == whole
    store.flush(100 * HOUR)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "x.samples"}


def test_a_large_segment_is_followed_by_another(tmp_path: Path) -> None:
    """Size ends a segment too, and the next one defines its series anew."""
    store, _ = recovered(tmp_path)
    log = store.log
    assert isinstance(log, SampleLog)
    log.segment_bytes = 500
    writer = store.open([A, B])
    for at in range(1, 100):
        writer.append(at * 1000, [at * 0.1, at * 0.2])
        store.flush(at * 1000)
    assert len(list(tmp_path.iterdir())) > 5
    assert everything(recovered(tmp_path)[0].view()) == everything(store.view())


def test_flushing_in_a_worker_thread_misses_nothing(tmp_path: Path) -> None:
    """The writer goes on while another thread flushes; after the last flush the log has every sample."""
    store, _ = recovered(tmp_path)
    done = threading.Event()

    def flush() -> None:
        while not done.is_set():
            store.flush(0)

    worker = threading.Thread(target=flush)
    worker.start()
    try:
        writers = [store.open([metric("a", n=str(n)), metric("b", n=str(n))]) for n in range(20)]
        for at in range(1, 200):
            for writer in writers:
                writer.append(at * 1000, [float(at), MISSING if at % 5 == 0 else 1.0])
            store.append(at * 1000, [(metric("loose", n=str(at // 10)), float(at))])
    finally:
        done.set()
        worker.join()
    store.close(0)
    again, report = recovered(tmp_path)
    assert report.problems == ()
    assert everything(again.view()) == everything(store.view())


def test_no_start_reads_what_is_set_aside_or_unfinished(tmp_path: Path) -> None:
    """Whatever a disk makes of it; what is unfinished is cleared away."""
    whole = a_story(tmp_path)
    for name in ("0000000001.ahead", "0000000001.unfinished", "lock"):
        (tmp_path / name).write_bytes(b"\x00damaged\xff")
    store, report = recovered(tmp_path)
    assert report.problems == ()
    assert everything(store.view()) == whole
    assert not (tmp_path / "0000000001.unfinished").exists()
