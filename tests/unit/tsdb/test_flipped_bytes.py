"""A flipped byte in every kind of file of a store's folder: what it costs is what docs/how-to/keep-samples.md says.

Whatever the byte: the store starts, nothing false is read, what is lost was in one part, and a loss is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from monitor.columns.nans import missing
from monitor.model.labels import Labels
from monitor.model.times import DAY, HOUR, MINUTE, Timestamp
from monitor.tsdb.blocks import BlockReader, open_block
from monitor.tsdb.imports import Import
from monitor.tsdb.parts import HEAD_SIZE, Stripes
from monitor.tsdb.recovery import RecoveryReport
from monitor.tsdb.store import SampleStore
from tests.support.samples import everything, metric
from tests.unit.docs.pages import ROOT

Sample = tuple[Labels, Timestamp, int]
RETENTION = 60 * DAY
NOW = 13 * HOUR


def opened(folder: Path) -> tuple[SampleStore, RecoveryReport]:
    return SampleStore.recover(folder, RETENTION, NOW)


def samples(store: SampleStore) -> set[Sample]:
    return {(labels, at, bits) for labels, own in everything(store.view()).items() for at, bits in own}


def written(folder: Path, hours: int) -> SampleStore:
    """Two targets, and one series of which each second sample comes half an hour late."""
    store, _ = opened(folder)
    store.take_late(HOUR)
    writers = [store.open([metric(name, target=str(n)) for name in "ab"]) for n in range(2)]
    for step in range(hours * 12):
        at = step * 5 * MINUTE
        for number, writer in enumerate(writers):
            writer.append(at + number, [step * 1.5, float(step // 9 + number)])
        store.append_stamped(at if step % 2 else max(at - 35 * MINUTE, 0), [(metric("late"), float(step))])
        store.flush(at)
    return store


def seal(store: SampleStore, *, everything: bool) -> None:
    while (sealing := store.begin_sealing(NOW, everything=everything)) is not None:
        while sealing.step():
            pass
        store.end_sealing(sealing, NOW)


def a_log(folder: Path) -> Path:
    written(folder, 1).close(NOW)
    return min(folder.glob("*.samples"))


def a_sealed_block(folder: Path) -> Path:
    store = written(folder, 4)
    seal(store, everything=True)
    store.close(NOW)
    (block,) = (folder / "blocks").iterdir()
    return block


def a_merged_block(folder: Path) -> Path:
    """Of four that were sealed: of joined and of copied parts."""
    store = written(folder, 12)
    seal(store, everything=False)
    while (merging := store.begin_merging()) is not None:
        while merging.step():
            pass
        store.end_merging(merging, NOW)
    seal(store, everything=True)
    store.flush(NOW + HOUR)
    store.close(NOW + HOUR)
    (merged,) = [path for path in (folder / "blocks").iterdir() if open_block(path).head.replaces]
    return merged


def an_imported_block(folder: Path) -> Path:
    steps = np.arange(40)
    with Import(folder, RETENTION) as importing:
        for number in range(3):
            own = np.repeat(np.uint32(number), len(steps))
            importing.add(
                own, steps * MINUTE * (number + 1), np.array([step * 0.5 + number for step in steps.tolist()])
            )
        (block,) = importing.finish([metric("i", n=str(number)) for number in range(3)])
    return block.path


def parts_of(path: Path) -> Iterator[set[Sample]]:
    """What each part of a block holds."""
    block, stripes = open_block(path), Stripes()
    with BlockReader(block) as reader:
        for part in block.table.all():
            stripe, times, matrix = reader.stripe(part, stripes), reader.times(part), reader.values(part)
            raw, absent = np.ascontiguousarray(matrix).view(np.uint64), missing(matrix)
            yield {
                (stripe.labels(row, lambda own: own), int(at), int(raw[row, slot]))
                for row in range(stripe.series)
                for slot, at in enumerate(times)
                if not absent[row, slot]
            }


@pytest.mark.parametrize(
    "make", [a_sealed_block, a_merged_block, an_imported_block], ids=["sealed", "merged", "imported"]
)
def test_a_flipped_byte_of_a_block_costs_the_part_that_it_hit(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """And no byte of its directory, nor of its head, anything; a loss shows in the health."""
    path = make(tmp_path)
    whole = samples(opened(tmp_path)[0])
    parts = list(parts_of(path))
    assert len(parts) > 1
    bodies = [(part.offset + HEAD_SIZE, part.offset + part.head.size) for part in open_block(path).table.all()]
    data = path.read_bytes()
    costly = 0
    for place in range(0, len(data), 11):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        store, report = opened(tmp_path)
        found = samples(store)
        assert found <= whole
        assert not whole - found or any(whole - found <= part for part in parts), place
        told = [*report.problems, *store.health().problems]
        assert bool(told) == bool(store.health().damaged)
        assert all(path.name in problem for problem in told)
        assert told or found == whole
        assert found == whole or any(begin <= place < end for begin, end in bodies), place
        costly += found != whole
    assert costly > len(data) / 30
    path.write_bytes(data)
    store, report = opened(tmp_path)
    assert (samples(store), report.problems) == (whole, ())


def test_a_flipped_byte_of_the_log_costs_what_follows_in_its_segment(tmp_path: Path) -> None:
    """What came before it is read, late samples too; later segments are whole."""
    path = a_log(tmp_path)
    store, _ = opened(tmp_path)
    store.append(NOW, [(metric("later"), 1.0)])
    store.close(NOW)
    whole = samples(opened(tmp_path)[0])
    data = path.read_bytes()
    had = 0
    for place in range(0, len(data), 11):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        store, report = opened(tmp_path)
        found = samples(store)
        assert found < whole
        assert len(found) >= had  # the further behind the byte is, the more comes before it
        had = len(found)
        assert any(labels == metric("later") for labels, _, _ in found)
        assert [problem.partition(":")[0] for problem in report.problems] == [path.name]
    assert had > 10


@pytest.mark.parametrize("name", ["0000000009.ahead", "0000000009.unfinished", "blocks/0000000009.unfinished"])
def test_a_byte_of_what_no_start_reads_costs_nothing(tmp_path: Path, name: str) -> None:
    """Set aside or not finished: whatever is in it, nothing is lost and nothing told."""
    block, whole = a_sealed_block(tmp_path), samples(opened(tmp_path)[0])
    for data in (block.read_bytes(), b"", b"wksampl1 and then something else"):
        (tmp_path / name).write_bytes(data)
        store, report = opened(tmp_path)
        assert (samples(store), report.problems, store.health().damaged) == (whole, (), 0)
    assert (tmp_path / name).exists() == name.endswith("ahead")


def test_what_a_killed_import_left_is_read_by_nobody(tmp_path: Path) -> None:
    """And the next import, of whatever, clears it away."""
    (tmp_path / "importing").mkdir()
    left = tmp_path / "importing" / "17"
    left.write_bytes(b"\x01 not even rows")
    assert samples(opened(tmp_path)[0]) == set()
    an_imported_block(tmp_path)
    assert len(samples(opened(tmp_path)[0])) == 120
    assert not (tmp_path / "importing").exists()


def test_every_kind_of_file_is_in_the_table(tmp_path: Path) -> None:
    """A folder after all that makes files: each of them is one of those that the page lists, and these tests flip."""
    for make in (a_sealed_block, an_imported_block):
        make(tmp_path)
    a_log(tmp_path / "own")
    kinds = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert kinds == {".samples", ".block"}
    page = (ROOT / "docs/how-to/keep-samples.md").read_text(encoding="utf-8")
    for name in (
        "`*.samples`",
        "`*.ahead`",
        "`*.unfinished`",
        "`blocks/*.block`",
        "`blocks/*.unfinished`",
        "`importing/`",
    ):
        assert name in page, name
