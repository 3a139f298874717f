"""A snapshot of a folder of samples: all of them, no copy of what never changes, and no byte of the folder changed."""

from __future__ import annotations

from pathlib import Path

from monitor.model.times import HOUR, MINUTE
from monitor.tsdb.contents import span
from monitor.tsdb.snapshot import snapshot
from monitor.tsdb.store import SampleStore
from tests.support.samples import everything, metric

_DAY = 24 * HOUR
_LAST = 8 * HOUR - MINUTE


def _written(folder: Path) -> SampleStore:
    """Eight hours, the first of them in blocks."""
    store, _ = SampleStore.recover(folder, 15 * _DAY, 0)
    writer = store.open([metric("a"), metric("b")])
    for at in range(0, _LAST + 1, MINUTE):
        writer.append(at, [float(at), 1.0])
        if at % HOUR == 0:
            store.flush(at)
            while (sealing := store.begin_sealing(at)) is not None:
                while sealing.step():
                    pass
                store.end_sealing(sealing, at)
            store.forget(at + 4 * MINUTE)
    store.flush(_LAST)
    return store


def _taken(folder: Path, into: Path) -> SampleStore:
    into.mkdir()
    snapshot(folder, into)
    return SampleStore.recover(into, 15 * _DAY, _LAST)[0]


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_snapshot_of_a_store_that_is_written_holds_all_of_it(tmp_path: Path) -> None:
    """Log and blocks; the folder stays as it is, and the blocks take no room a second time."""
    store = _written(tmp_path / "data")
    before = _files(tmp_path / "data")
    taken = _taken(tmp_path / "data", tmp_path / "copy")
    assert everything(taken.view()) == everything(store.view())
    assert span(taken) == (0, _LAST)
    assert _files(tmp_path / "data") == before
    blocks = [path for path in before if path.suffix == ".block"]
    assert blocks
    for path in blocks:
        assert (tmp_path / "copy/blocks" / path.name).samefile(path)


def test_what_the_daemon_deletes_meanwhile_can_still_be_read(tmp_path: Path) -> None:
    """A block that was merged into another, or is older than the retention."""
    store = _written(tmp_path / "data")
    known = everything(store.view())
    taken = _taken(tmp_path / "data", tmp_path / "copy")
    for path in (tmp_path / "data/blocks").iterdir():
        path.unlink()
    assert everything(taken.view()) == known


def test_a_folder_without_samples_has_no_span(tmp_path: Path) -> None:
    """Neither before the first sample nor without blocks."""
    (tmp_path / "data").mkdir()
    assert span(_taken(tmp_path / "data", tmp_path / "copy")) is None
